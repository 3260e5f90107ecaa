"""Each file of bad_programs is one mistake in a compiled kernel; the .expected file is what its author reads."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from helion.exc import HelionError

FOLDER = Path(__file__).parent / "bad_programs"
PROGRAMS = sorted(FOLDER.glob("*.py"))


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_message(program: Path, request: pytest.FixtureRequest) -> None:
    provoke = runpy.run_path(str(program))["provoke"]
    with pytest.raises(HelionError) as caught:
        provoke()
    text = f"{type(caught.value).__name__}\n{caught.value.report()}\n"
    text = text.replace(f"{FOLDER}/", "")
    expected = program.with_suffix(".expected")
    if request.config.getoption("--update-messages", default=False):
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")


def test_no_message_without_a_program() -> None:
    assert {path.stem for path in FOLDER.glob("*.expected")} == {path.stem for path in PROGRAMS}


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_no_word_of_our_own_insides(program: Path) -> None:
    """Symbols of the trace, fakes and torch's own advice mean nothing to an author."""
    text = program.with_suffix(".expected").read_text(encoding="utf-8")
    for word in ("FakeTensor", "SymInt", "1000003", "guard", "unbacked", "Eq(", " u0", " s51"):
        assert word not in text
