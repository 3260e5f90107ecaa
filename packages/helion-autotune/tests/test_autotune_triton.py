"""The decorator over hand-written Triton kernels, in Triton's interpreter with a timer made of formulas.

Each script of ``triton_scripts/`` runs in a process of its own: TRITON_INTERPRET counts when triton is imported.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parent / "triton_scripts"
missing = [name for name in ("torch", "triton") if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(missing), reason=f"needs {' and '.join(missing)}")


@pytest.mark.parametrize("script", sorted(path.stem for path in SCRIPTS.glob("*.py")))
def test_script(script, tmp_path):
    run = subprocess.run(
        [sys.executable, str(SCRIPTS / f"{script}.py"), str(tmp_path)],
        env={**os.environ, "TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.splitlines()[-1] == "passed"
