"""What a type checker makes of user code: typed_programs must pass mypy, every ignore in them needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

FOLDER = Path(__file__).parent / "typed_programs"


@pytest.fixture(scope="session")
def mypy_cache(request: pytest.FixtureRequest) -> Path:
    """Where mypy keeps what it knows of torch, which takes it a minute to find out."""
    return Path(request.config.cache.mkdir("mypy_of_typed_programs"))


def _check(files: Sequence[Path], cache: Path) -> str:
    command = [sys.executable, "-m", "mypy", "--strict", "--warn-unused-ignores"]
    command += ["--config-file=", f"--cache-dir={cache}", *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def test_typed_programs_pass(mypy_cache: Path) -> None:
    pytest.importorskip("mypy", reason="mypy is what this test runs")
    programs = sorted(FOLDER.glob("*.py"))
    assert _check(
        programs, mypy_cache
    ) == f"Success: no issues found in {len(programs)} source file" + (
        "s\n" if len(programs) > 1 else "\n"
    )


def test_wrong_types_are_found(mypy_cache: Path, tmp_path: Path) -> None:
    pytest.importorskip("mypy", reason="mypy is what this test runs")
    program = tmp_path / "wrong.py"
    program.write_text(
        "import helion\n@helion.kernel\ndef f(x: int) -> int: return x\nreveal_type(f)\nf('')\n"
    )
    output = _check([program], mypy_cache)
    assert "kernels.Kernel[[x: int], int]" in output
    assert "[arg-type]" in output
