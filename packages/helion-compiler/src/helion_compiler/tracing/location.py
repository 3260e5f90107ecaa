"""Where in the author's source the trace stands, read off the Python stack."""

from __future__ import annotations

import linecache
import os
import sys
from functools import lru_cache
from typing import TYPE_CHECKING

import torch

import helion
from helion.exc import Span
from helion_compiler.program.types import Location

if TYPE_CHECKING:
    from types import FrameType

_STANDARD_LIBRARY = os.path.dirname(os.path.abspath(linecache.__file__)) + os.sep
_LIBRARIES = tuple(
    os.path.dirname(os.path.abspath(file)) + os.sep
    for file in (helion.__file__, torch.__file__, os.path.dirname(__file__))
    if file is not None
)


@lru_cache(maxsize=1024)
def is_author(filename: str) -> bool:
    """Whether a file is the author's: neither ours, torch's, the standard library's nor generated."""
    if filename.startswith(("<frozen", "<call of ")):
        return False
    path = os.path.abspath(filename)
    if path.startswith(_STANDARD_LIBRARY):
        return "site-packages" in path and not path.startswith(_LIBRARIES)
    return not path.startswith(_LIBRARIES)


def _author_frame() -> FrameType | None:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and not is_author(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


def here() -> Span | None:
    """The span of the innermost expression of the author's that is being evaluated."""
    frame = _author_frame()
    return None if frame is None else Span.from_frame(frame)


def name_of(value: object) -> str:
    """The variable of the author's that holds a value; "this" where none does."""
    frame = _author_frame()
    found = {} if frame is None else frame.f_locals
    return next((name for name, held in found.items() if held is value), "this")


def location() -> Location | None:
    """The span and the text of its first line."""
    span = here()
    if span is None:
        return None
    return Location(span=span, text=linecache.getline(span.filename, span.line).strip())


_OF_AUTHORS = (AttributeError, KeyError, ArithmeticError)
"""What Python raises in the author's own code for the author's own reasons. Other errors of Python's may be due to what
stands for tensors and numbers there."""


def raised_by_author(error: BaseException) -> bool:
    """Whether it is the author's own code that has raised an error: a ``raise``, an ``assert``, a missing key."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None or not is_author(traceback.tb_frame.f_code.co_filename):
        return False
    line = linecache.getline(traceback.tb_frame.f_code.co_filename, traceback.tb_lineno)
    return isinstance(error, _OF_AUTHORS) or line.lstrip().startswith(("raise", "assert"))
