"""Diagnostics as text: the place, the source line with carets under it, then notes and help.

Comes in: a :class:`~helion.exc.diagnostic.Diagnostic`. Goes out: lines of text, without a final newline.
Source lines come from :mod:`linecache`; a file that cannot be read leaves the place alone standing.
"""

from __future__ import annotations

import linecache
import os
import textwrap
import unicodedata
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helion.exc.diagnostic import Diagnostic, Span

_STYLES = {"title": "1;31", "primary": "31", "secondary": "34", "note": "1", "help": "1;32"}
_TAB = "    "


def render(diagnostic: Diagnostic, *, color: bool = False) -> str:
    """``diagnostic`` as people read it; ``color`` adds ANSI escapes (see :func:`wants_color`)."""
    return "\n".join(_lines(diagnostic, color=color))


def wants_color(stream: TextIO) -> bool:
    """Whether ``stream`` is a terminal whose user has not declined colour (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR")


def _lines(diagnostic: Diagnostic, *, color: bool) -> Iterator[str]:
    yield _paint(f"error: {diagnostic.title}", "title", color=color)
    if diagnostic.span is not None:
        yield from _excerpt(diagnostic.span, diagnostic.message, "^", "primary", color=color)
    else:
        yield from textwrap.indent(diagnostic.message, "  ").splitlines()
    for span, label in diagnostic.secondary:
        yield from _excerpt(span, label, "-", "secondary", color=color)
    for note in diagnostic.notes:
        yield from _remark("note", note, color=color)
    if diagnostic.help is not None:
        yield from _remark("help", diagnostic.help, color=color)


def _excerpt(span: Span, label: str, mark: str, style: str, *, color: bool) -> Iterator[str]:
    """The place, its source line, and ``label`` under marks of exactly the columns of ``span``."""
    yield f"  --> {span.filename}:{span.line}:{span.column + 1}"
    source = linecache.getline(span.filename, span.line).rstrip("\r\n")
    gutter = " " * len(str(span.line))
    if not source.strip():
        yield from textwrap.indent(label, f"  {gutter}   ").splitlines()
        return
    start, width = _columns(source, span)
    shown = source.expandtabs(len(_TAB))
    underline = " " * start + mark * width
    first, *rest = label.splitlines() or [""]
    yield f"  {gutter} |"
    yield f"  {span.line} | {shown}"
    yield f"  {gutter} | " + _paint(f"{underline} {first}".rstrip(), style, color=color)
    for line in rest:
        yield f"  {gutter} | " + _paint(" " * (start + width + 1) + line, style, color=color)


def _columns(source: str, span: Span) -> tuple[int, int]:
    """Where marks start on screen and how many there are; an empty span means the whole line."""
    text = source.encode()
    if span.end_line == span.line and span.end_column <= span.column:
        start_byte, end_byte = len(text) - len(text.lstrip()), len(text)
    else:
        start_byte = span.column
        end_byte = span.end_column if span.end_line == span.line else len(text)
    before = _width(text[:start_byte])
    return before, max(1, _width(text[:end_byte]) - before)


def _width(text: bytes) -> int:
    """How many terminal columns the text takes: East Asian wide characters take two."""
    shown = text.decode(errors="replace").expandtabs(len(_TAB))
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in shown)


def _remark(kind: str, text: str, *, color: bool) -> Iterator[str]:
    first, *rest = text.splitlines() or [""]
    yield f"  {_paint(f'{kind}:', kind, color=color)} {first}"
    for line in rest:
        yield " " * (len(kind) + 4) + line


def _paint(text: str, style: str, *, color: bool) -> str:
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if color else text
