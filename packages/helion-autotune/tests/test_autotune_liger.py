"""The worked example on a kernel of an installed package, as far as it goes without a GPU."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parent / "liger_scripts"
EXAMPLES = Path(__file__).parents[1] / "examples"
NEEDED = ("torch", "triton", "liger_kernel")
missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(
    bool(missing), reason=f"needs {' and '.join(missing)} (pip install --no-deps liger-kernel)"
)


@pytest.mark.parametrize(
    ("script", "environment"), [("interpreted", {"TRITON_INTERPRET": "1"}), ("compiled", {})]
)
def test_script(script, environment, tmp_path):
    path = os.pathsep.join([str(EXAMPLES), *(entry for entry in sys.path if entry)])
    run = subprocess.run(
        [sys.executable, str(SCRIPTS / f"{script}.py")],
        env={**os.environ, **environment, "PYTHONPATH": path, "TRITON_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.splitlines()[-1] == "passed"
