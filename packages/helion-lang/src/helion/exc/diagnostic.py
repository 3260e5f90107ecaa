"""What a diagnostic is: places in the user's source, and the prose about them.

Plain frozen data, made by whoever finds a problem and turned into text by :mod:`helion.exc.rendering`.
Lines count from 1. Columns count from 0 in bytes of UTF-8, as in :mod:`ast` and in code objects.
"""

from __future__ import annotations

import itertools
import linecache
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType, TracebackType
    from typing import Any


@attrs.frozen
class Span:
    """A range of characters of a source file; ``end_column`` is exclusive."""

    filename: str
    line: int
    column: int
    end_line: int
    end_column: int

    @classmethod
    def from_traceback(cls, traceback: TracebackType | None, filename: str) -> Span | None:
        """The expression that raised, in the innermost frame of ``filename``; None if there is none."""
        found: Span | None = None
        while traceback is not None:
            code = traceback.tb_frame.f_code
            if code.co_filename == filename:
                found = cls.of_instruction(code, traceback.tb_lasti, traceback.tb_lineno)
            traceback = traceback.tb_next
        return found

    @classmethod
    def from_frame(cls, frame: FrameType | None, filename: str | None = None) -> Span | None:
        """The expression being evaluated in the nearest frame of ``filename``, from ``frame`` outwards.

        Without a file name it is ``frame`` itself that is meant. None if there is no such frame.
        """
        while frame is not None:
            code = frame.f_code
            if filename is None or code.co_filename == filename:
                return cls.of_instruction(code, frame.f_lasti, frame.f_lineno)
            frame = frame.f_back
        return None

    @classmethod
    def of_definition(cls, function: Callable[..., Any]) -> Span | None:
        """The line with a function's ``def``; None for what has no code of its own."""
        code = getattr(function, "__code__", None)
        if code is None:
            return None
        line = code.co_firstlineno  # of the first decorator, if there is one
        source = linecache.getlines(code.co_filename)[line - 1 :]
        for ahead, text in enumerate(source):
            if text.lstrip().startswith(("def ", "async def ")):
                line += ahead
                break
        return cls(code.co_filename, line, 0, line, 0)

    def text(self) -> str | None:
        """The source text that is meant; None where it takes several lines or cannot be read."""
        line = linecache.getline(self.filename, self.line).encode()
        if self.end_line != self.line or not line:
            return None
        return line[self.column : self.end_column].decode(errors="replace") or None

    @classmethod
    def of_instruction(cls, code: CodeType, offset: int, line: int | None = None) -> Span | None:
        """The expression that an instruction belongs to; ``line`` is for code that only knows lines."""
        # One position per two-byte code unit; any part of it may be unknown (-X no_debug_ranges).
        position = next(itertools.islice(code.co_positions(), max(offset, 0) // 2, None), None)
        start, end, column, end_column = position or (None, None, None, None)
        start = start or line
        if start is None:
            return None
        if column is None or end_column is None:
            return cls(code.co_filename, start, 0, start, 0)
        return cls(code.co_filename, start, column, end or start, end_column)


@attrs.frozen
class Diagnostic:
    """One problem: what it is, where, what else belongs to it, and what to do.

    A secondary span carries a label of its own, such as where a tile was made.
    """

    title: str
    message: str
    span: Span | None = None
    secondary: tuple[tuple[Span, str], ...] = ()
    notes: tuple[str, ...] = ()
    help: str | None = None
