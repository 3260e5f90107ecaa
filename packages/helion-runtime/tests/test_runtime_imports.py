"""What importing the runtime costs and loads, asked of fresh interpreters."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

NEVER = (
    "triton",
    "scipy",
    "sympy",
    "torch._inductor",
    "helion",
    "helion_compiler",
    "helion_autotune",
    "numpy",
    "cryptography",
    "attrs",
    "attr",
)
LATER = ("attrs", "attr", "zipfile", "json", "torch", "helion_runtime.dispatch")


def modules_after(code: str, *baseline: str) -> set[str]:
    """Names in ``sys.modules`` after running ``code``, without those that the baseline imports had loaded."""
    imports = "; ".join(f"import {name}" for name in ("sys", *baseline))
    script = (
        f"{imports}\nbefore = set(sys.modules)\n{code}\nprint(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_the_import_alone_loads_next_to_nothing() -> None:
    loaded = modules_after("import helion_runtime")
    assert "helion_runtime" in loaded
    assert not loaded & {*NEVER, *LATER}
    assert {name for name in loaded if name.split(".")[0] not in sys.stdlib_module_names} == {
        "helion_runtime"
    }


def test_loading_and_calling_loads_no_compiler(frozen_path: Path) -> None:
    code = f"""
import torch, helion_runtime
from helion_runtime.recording_driver import RecordingDriver
bundle = helion_runtime.load({str(frozen_path)!r})
bundle = helion_runtime.load({str(frozen_path)!r}, driver=RecordingDriver(bundle.manifest.kernels))
bundle.scaled_add(torch.zeros(4, 4), torch.zeros(4, 4), 1.0)
"""
    loaded = modules_after(code, "torch")
    assert "helion_runtime.dispatch" in loaded
    roots = {
        name for name in loaded for never in NEVER if name == never or name.startswith(never + ".")
    }
    assert not roots


@pytest.mark.parametrize("blocked", ["triton", "scipy", "sympy", "cuda"])
def test_it_works_where_the_others_cannot_be_imported(frozen_path: Path, blocked: str) -> None:
    code = f"""
import sys
sys.modules[{blocked!r}] = None
import helion_runtime
print(helion_runtime.load({str(frozen_path)!r}).id)
"""
    if blocked == "sympy":  # torch itself may want it
        code = code.replace(
            f"sys.modules[{blocked!r}] = None", f"import torch; sys.modules[{blocked!r}] = None"
        )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.strip()) == 64


def test_public_names_exist_and_others_do_not() -> None:
    import helion_runtime

    for name in helion_runtime.__all__:
        assert getattr(helion_runtime, name) is not None
        assert name in dir(helion_runtime)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = helion_runtime.nothing


def test_without_a_gpu_the_error_says_so(frozen_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    import helion_runtime

    bundle = helion_runtime.load(frozen_path)
    for ask in (lambda: bundle.scaled_add(torch.zeros(4, 4), torch.zeros(4, 4), 1.0), bundle.warm):
        with pytest.raises(helion_runtime.errors.NoDeviceError, match=r"no NVIDIA|sees no NVIDIA"):
            ask()


NOTHING_WRITTEN = """
import os, sys
sys.dont_write_bytecode = True
import torch
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
REFUSED = (
    "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.mkdir", "os.rename", "os.remove",
    "tempfile.mkstemp", "tempfile.mkdtemp", "socket.connect", "socket.bind",
)
def watch(event, args):
    if event in REFUSED or (event == "open" and args[2] & WRITING):
        raise AssertionError(f"{event} {args}")
sys.addaudithook(watch)
import helion_runtime
from helion_runtime.recording_driver import RecordingDriver
path = sys.argv[1]
bundle = helion_runtime.load(path)
driver = RecordingDriver(bundle.manifest.kernels)
bundle = helion_runtime.load(path, driver=driver)
bundle.warm()
for rows in (4, 9):
    x = torch.zeros(rows, 4)
    bundle.scaled_add(x, x, 1.0)
assert len(driver.launches) == 2
try:
    open(path, "ab")
except AssertionError:
    print("watched")
"""


def test_serving_writes_no_file_and_begins_no_process(frozen_path: Path) -> None:
    """A container may have a read-only file system, and nothing in it but Python."""
    command = [sys.executable, "-c", NOTHING_WRITTEN, str(frozen_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "watched\n"), done.stderr
