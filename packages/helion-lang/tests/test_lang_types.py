"""What type checkers make of user code: typed_programs must pass both, every ignore in them needed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import helion

if TYPE_CHECKING:
    from collections.abc import Sequence

FOLDER = Path(__file__).parent / "typed_programs"
PROGRAMS = sorted(FOLDER.glob("*.py"))
WRONG = "import helion\n@helion.kernel\ndef f(x: int) -> int: return x\nreveal_type(f)\nf('')\n"


@pytest.fixture(scope="session")
def mypy_cache(request: pytest.FixtureRequest) -> Path:
    """Where mypy keeps what it knows of torch, which takes it a minute to find out."""
    return Path(request.config.cache.mkdir("mypy_of_typed_programs"))


def _mypy(files: Sequence[Path], cache: Path) -> str:
    command = [sys.executable, "-m", "mypy", "--strict", "--warn-unused-ignores"]
    command += ["--config-file=", f"--cache-dir={cache}", *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def test_typed_programs_pass_mypy(mypy_cache: Path) -> None:
    pytest.importorskip("mypy", reason="mypy is what this test runs")
    expected = f"Success: no issues found in {len(PROGRAMS)} source files\n"
    assert _mypy(PROGRAMS, mypy_cache) == expected


def test_mypy_finds_wrong_types(mypy_cache: Path, tmp_path: Path) -> None:
    pytest.importorskip("mypy", reason="mypy is what this test runs")
    program = tmp_path / "wrong.py"
    program.write_text(WRONG)
    output = _mypy([program], mypy_cache)
    assert "kernels.Kernel[[x: int], int]" in output
    assert "[arg-type]" in output


def _pyright(folder: Path, tmp_path: Path) -> str:
    """What pyright says, by way of the distribution that brings its own Node.js."""
    pytest.importorskip("basedpyright", reason="it is what this test runs")
    installed = Path(helion.__file__).parent.parent
    settings = {
        "include": [str(folder)],
        "extraPaths": [str(installed)],
        "typeCheckingMode": "strict",
        "pythonVersion": "3.11",
    }
    project = tmp_path / "pyrightconfig.json"
    project.write_text(json.dumps(settings))
    command = [sys.executable, "-m", "basedpyright", "-p", str(project)]
    command += ["--pythonpath", sys.executable]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def test_typed_programs_pass_pyright(tmp_path: Path) -> None:
    assert _pyright(FOLDER, tmp_path) == "0 errors, 0 warnings, 0 notes\n"


def test_pyright_finds_wrong_types(tmp_path: Path) -> None:
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "wrong.py").write_text(WRONG)
    output = _pyright(folder, tmp_path)
    assert "Kernel[(x: int), int]" in output
    assert "reportArgumentType" in output
