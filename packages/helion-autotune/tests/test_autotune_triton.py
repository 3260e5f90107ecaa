"""The decorator over hand-written Triton kernels, in Triton's interpreter with a timer made of formulas.

Each script of ``triton_scripts/`` runs in a process of its own: TRITON_INTERPRET counts when triton is imported, and
what a script changes is no other's.
"""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SCRIPTS = TESTS / "triton_scripts"
missing = [name for name in ("torch", "triton") if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(missing), reason=f"needs {' and '.join(missing)}")


@pytest.fixture(scope="module")
def interpreting():
    """The process whose forks are these processes."""
    with subprocess.Popen(
        [sys.executable, str(TESTS / "forked_scripts.py")],
        env={**os.environ, "TRITON_INTERPRET": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.stdin.close()


@pytest.mark.parametrize("script", sorted(path.stem for path in SCRIPTS.glob("*.py")))
def test_script(script, interpreting, tmp_path):
    output = tmp_path / "output.txt"
    request = [str(SCRIPTS / f"{script}.py"), [str(tmp_path)], str(output)]
    interpreting.stdin.write(json.dumps(request) + "\n")
    interpreting.stdin.flush()
    status = interpreting.stdout.readline()
    printed = output.read_text()
    assert status == "0\n", printed
    assert printed.splitlines()[-1] == "passed"
