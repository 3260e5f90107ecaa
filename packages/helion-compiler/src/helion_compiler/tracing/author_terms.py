"""Python's and torch's own errors, as errors about the kernel.

In: what the author's code raised while it was traced. Out: an error of Helion's with a place in the author's file;
None for what is not the kernel's fault, and for what the author raises.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from helion import exc
from helion.exc.missing_dimensions import missing_dimension
from helion.exc.missing_names import asking_file, missing_attribute
from helion.language import Tile
from helion_compiler.torch_bridge import symbolic
from helion_compiler.tracing.location import here, is_author, raised_by_author

if TYPE_CHECKING:
    from helion_compiler.tracing.symbols import Symbols

_OF_PYTHON_AND_TORCH = (RuntimeError, ValueError, TypeError, IndexError)
_UNPACKED = re.compile(
    r"(not enough|too many) values to unpack \(expected (?P<targets>\d+)(, got (?P<values>\d+))?"
)
_ASKED_OF_TILE: dict[str, Any] = {
    "statement": "a position of a tile as a Python number or condition",
    "remedy": "compare `tile.index` with it and choose with `torch.where(condition, a, b)`",
}
_ASKED_OF_ITEM: dict[str, Any] = {
    "statement": "a number that only this call's tensors tell, as a condition or a constant",
    "remedy": "choose with `torch.where(condition, a, b)`, or decide outside of the kernel",
    "notes": (
        "the host may branch on numbers it reads before the tile loop from what the arguments hold",
        "not on what the kernel wrote, on random numbers, or after it has written into an argument",
    ),
}


def in_author_terms(error: Exception, filename: str, symbols: Symbols) -> exc.HelionError | None:
    """What the author of ``filename`` is told of ``error``; an error of Helion's gets its place."""
    span = exc.Span.from_traceback(error.__traceback__, filename)
    if isinstance(error, exc.HelionError):
        error.locate(span)
        return error
    span = span or here()
    if isinstance(error, NameError):
        return exc.UndefinedVariable(span=span, name=_undefined_name(error))
    if isinstance(error, AttributeError):
        asking = asking_file(error)
        return missing_attribute(error, span, Tile) if asking and is_author(asking) else None
    if not isinstance(error, _OF_PYTHON_AND_TORCH) or raised_by_author(error):
        return None
    unpacked = _UNPACKED.search(str(error))
    if unpacked is not None:
        return exc.FailedToUnpackTupleAssign(
            span=span, targets=unpacked["targets"], value=f"{unpacked['values'] or 'more'} values"
        )
    outside = missing_dimension(error, span)
    if outside is not None:
        return outside
    asked = symbolic.asked_of_unknown_numbers(error)
    if asked is not None:
        host = symbols.host.keys() & asked
        return exc.StatementNotSupported(span=span, **(_ASKED_OF_ITEM if host else _ASKED_OF_TILE))
    return exc.UnsupportedOperator(
        span=span,
        operator="this expression",
        reason=str(error).strip().splitlines()[0] if str(error) else repr(error),
    )


def _undefined_name(error: NameError) -> str:
    """The name, which an UnboundLocalError only mentions in its text."""
    return error.name or str(error).partition("'")[2].partition("'")[0]
