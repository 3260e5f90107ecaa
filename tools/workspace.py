"""The checkout's own environment, ``.venv``: the packages (editable), what they need, and on request the tools.

In: nothing but the checkout. Out: the path of a Python that can import everything. A part is set up again only when
the files it was made from have changed. Failures are a :class:`SetupError` that says what to do.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path
from typing import TYPE_CHECKING

import dependencies
from dependencies import CONSTRAINTS, PACKAGES, ROOT, TORCH_FROM

if TYPE_CHECKING:
    from collections.abc import Sequence

ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
LOG = ENVIRONMENT / "setup.log"
TOOLS = (
    "basedpyright",
    "build",
    "cryptography",
    "hypothesis",
    "import-linter",
    "mypy",
    "pytest",
    "pytest-xdist",
    "ruff",
    "towncrier",
    "tox",
)
FREE_BYTES_NEEDED = 6 * 2**30

PROBE = """
import json, pathlib
import torch, triton
version = tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2])
if version >= (2, 11) and torch.version.cuda and torch.cuda.is_available():
    print(json.dumps([str(pathlib.Path(torch.__file__).parents[1]), torch.__version__, torch.cuda.get_device_name()]))
"""

NO_INDEX = "the package index cannot be reached or lacks a pinned version: check the network and pip's settings"
ADVICE = {
    "No space left on device": "the disk is full: Helion's dependencies take 4 GB, with CUDA 12 GB",
    "No module named pip": "this Python has no pip: install it (on Debian: apt-get install python3-pip)",
    "Read timed out": "the package index answers too slowly: run the command again",
    "No matching distribution": NO_INDEX,
    "ResolutionImpossible": NO_INDEX,
}
"""What pip's output may hold, and what to tell the user then."""


class SetupError(Exception):
    """The environment could not be set up; the message says why and what to do."""


def prepare(*, tools: bool) -> None:
    """Bring ``.venv`` up to date: the packages, and the tools if asked for."""
    if not os.environ.get(TORCH_FROM):
        _use_torch_of_machine()
    pyprojects = [ROOT / "packages" / package / "pyproject.toml" for package in PACKAGES]
    inputs = [CONSTRAINTS, Path(__file__), Path(dependencies.__file__), *pyprojects]
    state = _digest(inputs, sys.version, os.environ.get(TORCH_FROM, ""))
    linked = dependencies.DependencySet.of("helion-compiler").place
    if _stamp("packages") != state or not linked.exists() or not PYTHON.exists():
        _require_space()
        print("Setting up .venv (once; again when a dependency changes)", flush=True)
        shutil.rmtree(ENVIRONMENT, ignore_errors=True)
        venv.create(ENVIRONMENT, with_pip=False, symlinks=True)
        _step(
            "dependencies",
            [sys.executable, dependencies.__file__, "helion-compiler", str(ENVIRONMENT)],
        )
        _step("build tools", [*_pip(), "hatchling", "editables"])
        sources = [
            argument for package in PACKAGES for argument in ("--editable", f"packages/{package}")
        ]
        _step("packages", [*_pip(), "--no-build-isolation", "--no-index", "--no-deps", *sources])
        _write_stamp("packages", state)
    if tools and _stamp("tools") != state:
        _step("tools", [*_pip(), "pip", *TOOLS])
        _write_stamp("tools", state)


def _use_torch_of_machine() -> None:
    """Where the running Python has a torch that drives a GPU, build on it rather than on the pinned one."""
    probe = subprocess.run(
        [sys.executable, "-c", PROBE], capture_output=True, text=True, check=False
    )
    if probe.returncode == 0 and probe.stdout.strip():
        place, version, device = json.loads(probe.stdout.strip().splitlines()[-1])
        print(f"Using torch {version} of {sys.executable} on {device}", flush=True)
        os.environ[TORCH_FROM] = place


def _pip() -> list[str]:
    pip = [sys.executable, "-m", "pip", "--python", str(PYTHON), "install"]
    return [*pip, "--disable-pip-version-check", "--constraint", str(CONSTRAINTS)]


def _step(name: str, command: Sequence[str]) -> None:
    """Run one step with its output in the log, showing how long it takes."""
    began = time.monotonic()
    live = sys.stdout.isatty()
    with LOG.open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
        while True:
            try:
                process.wait(timeout=1 if live else None)
                break
            except subprocess.TimeoutExpired:
                print(f"\r  {name:<14}{time.monotonic() - began:4.0f} s …", end="", flush=True)
            except KeyboardInterrupt:
                process.wait()
                raise
    prefix = "\r" if live else ""
    print(f"{prefix}  {name:<14}{time.monotonic() - began:4.0f} s  ", flush=True)
    if process.returncode != 0:
        raise SetupError(_explain(name, command))


def _explain(name: str, command: Sequence[str]) -> str:
    output = LOG.read_text(errors="replace")
    advice = next(
        (what for sign, what in ADVICE.items() if sign in output), "the end of its output:"
    )
    tail = "\n".join(f"  | {line}" for line in output.splitlines()[-12:])
    return f"setting up the {name} failed: {advice}\n{tail}\n  command: {' '.join(command)}"


def _require_space() -> None:
    free = shutil.disk_usage(ROOT).free
    if free < FREE_BYTES_NEEDED:
        needed = FREE_BYTES_NEEDED / 2**30
        raise SetupError(
            f"the disk of {ROOT} has {free / 2**30:.1f} GiB free; setting up needs {needed:.0f} GiB"
        )


def _digest(files: Sequence[Path], *texts: str) -> str:
    parts = [*(path.read_bytes() for path in files), *(text.encode() for text in texts)]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _stamp(part: str) -> str:
    stamp = ENVIRONMENT / f"{part}.stamp"
    return stamp.read_text() if stamp.exists() else ""


def _write_stamp(part: str, state: str) -> None:
    (ENVIRONMENT / f"{part}.stamp").write_text(state)
