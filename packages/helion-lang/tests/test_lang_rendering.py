"""Diagnostics as text: columns, several places, colour."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest

from helion.exc import Diagnostic, Span, render, wants_color

if TYPE_CHECKING:
    from pathlib import Path


def _excerpt(tmp_path: Path, source: str, marked: str) -> list[str]:
    """The source line and the marks below it, for the first occurrence of ``marked``."""
    path = tmp_path / "kernel.py"
    path.write_text(source + "\n", encoding="utf-8")
    start = len(source[: source.index(marked)].encode())
    span = Span(str(path), 1, start, 1, start + len(marked.encode()))
    assert span.text() == marked
    lines = render(Diagnostic("title", "message", span)).splitlines()
    return [line.removeprefix("  1 | ").removeprefix("    | ") for line in lines[3:5]]


@pytest.mark.parametrize(
    ("source", "marked", "marks"),
    [
        ("out[i] = x", "x", "         ^ message"),
        ("    out[i] = x", "out[i]", "    ^^^^^^ message"),
        ("\tout = x", "out", "    ^^^ message"),
        ("größe = x", "x", "        ^ message"),
        ("'宽' + x", "x", "       ^ message"),
    ],
)
def test_marks_stand_under_the_columns(
    tmp_path: Path, source: str, marked: str, marks: str
) -> None:
    assert _excerpt(tmp_path, source, marked) == [source.expandtabs(4), marks]


def test_span_of_several_lines_is_marked_to_the_end_of_its_first(tmp_path: Path) -> None:
    path = tmp_path / "kernel.py"
    path.write_text("x = f(\n    1)\n")
    span = Span(str(path), 1, 4, 2, 6)
    assert render(Diagnostic("t", "m", span)).splitlines()[4] == "    |     ^^ m"
    assert span.text() is None


def test_file_that_cannot_be_read_still_names_the_place() -> None:
    text = render(Diagnostic("t", "m", Span("no/such/file.py", 3, 4, 3, 5)))
    assert text == "error: t\n  --> no/such/file.py:3:5\n      m"


def test_secondary_places_notes_and_help(tmp_path: Path) -> None:
    path = tmp_path / "kernel.py"
    path.write_text("for tile in hl.tile(n):\n    x[tile]\n")
    text = render(
        Diagnostic(
            "title",
            "message\nmore",
            Span(str(path), 2, 4, 2, 11),
            ((Span(str(path), 1, 4, 1, 8), "made here"),),
            ("first\nsecond",),
            "do this",
        )
    )
    assert text.replace(str(tmp_path), "").splitlines() == [
        "error: title",
        "  --> /kernel.py:2:5",
        "    |",
        "  2 |     x[tile]",
        "    |     ^^^^^^^ message",
        "    |             more",
        "  --> /kernel.py:1:5",
        "    |",
        "  1 | for tile in hl.tile(n):",
        "    |     ---- made here",
        "  note: first",
        "        second",
        "  help: do this",
    ]


def test_colour_is_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    assert wants_color(Terminal())
    assert not wants_color(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_color(Terminal())
    diagnostic = Diagnostic("t", "m")
    assert "\x1b[" in render(diagnostic, color=True)
    assert "\x1b[" not in render(diagnostic)


def test_span_of_the_expression_that_raised() -> None:
    numbers = [1, 2]
    try:
        _ = 1 + numbers[7]
    except IndexError as error:
        span = Span.from_traceback(error.__traceback__, __file__)
    assert span is not None
    assert span.text() == "numbers[7]"
    assert Span.from_traceback(None, __file__) is None


def test_span_of_a_frame_outwards() -> None:
    def inner() -> Span | None:
        return Span.from_frame(sys._getframe(1), __file__)

    span = inner()
    assert span is not None
    assert span.text() == "inner()"
    assert Span.from_frame(sys._getframe(), "another file") is None
