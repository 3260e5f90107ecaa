"""The mistakes that reference mode refuses are refused by the compiler too, as the same problem."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from helion.exc import HelionError
from helion_compiler.interpreting import OutOfBoundsAccess

FOLDER = Path(__file__).parents[1] / "packages" / "helion-lang" / "tests" / "bad_programs"
OF_REFERENCE_MODE = {"inline_triton_in_reference_mode", "triton_code_in_reference_mode"}
"""Programs that are in order where kernels are compiled."""

OF_VALUES = {"gather_out_of_range"}
"""Mistakes in what tensors hold, which no compiler sees."""

PROGRAMS = sorted(
    path
    for path in FOLDER.glob("*.py")
    if "ref_mode=True" in path.read_text(encoding="utf-8")
    and path.stem not in OF_REFERENCE_MODE | OF_VALUES
)

OTHERWISE = {
    # Reference mode takes one way through the choice; a trace takes both, and sees that they differ.
    "nothing_stored": "CantCombineTypesInControlFlow",
    # The trace goes on behind the statement that leaves a loop, and finds what is wrong there.
    "leaves_a_tile_loop_twice": "SeveralErrors",
}


def compiled(program: Path, folder: Path) -> Path:
    """The same program without reference mode."""
    text = program.read_text(encoding="utf-8")
    text = text.replace(", ref_mode=True", "").replace("ref_mode=True, ", "")
    copy = folder / program.name
    copy.write_text(text.replace("ref_mode=True", ""), encoding="utf-8")
    return copy


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_one_problem_has_one_name(program: Path, tmp_path: Path) -> None:
    first_line = program.with_suffix(".expected").read_text(encoding="utf-8").partition("\n")[0]
    with pytest.raises(HelionError) as caught:
        runpy.run_path(str(compiled(program, tmp_path)))["provoke"]()
    assert type(caught.value).__name__ == OTHERWISE.get(program.stem, first_line)


def test_a_gather_beyond_the_end_is_seen_as_it_runs(tmp_path: Path) -> None:
    program = compiled(FOLDER / "gather_out_of_range.py", tmp_path)
    with pytest.raises(OutOfBoundsAccess, match=r"out of bounds for 1 of \d elements"):
        runpy.run_path(str(program))["provoke"]()
