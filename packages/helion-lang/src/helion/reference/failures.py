"""What Python and torch raise while a kernel runs, told as Helion's own errors where the cause is clear.

An exception that no rule here recognises is the user's own, and leaves as it came.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from helion.exc import (
    FailedToUnpackTile,
    FailedToUnpackTupleAssign,
    HelionError,
    IncorrectTileUsage,
    ShapeMismatch,
    Span,
    UndefinedVariable,
)
from helion.exc.missing_dimensions import missing_dimension
from helion.exc.missing_names import asking_file, missing_attribute
from helion.language import Tile
from helion.reference.tiles import ReferenceTile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helion.reference.state import ReferenceState

_SHAPES = re.compile(
    r"The size of tensor a .* must match the size of tensor b"
    r"|The expanded size of the tensor .* must match the existing size"
    r"|shapes? .*cannot be (multiplied|broadcast)"
    r"|shape mismatch"
    r"|size mismatch"
    r"|Expected size for first two dimensions of batch2"
    r"|batch1 and batch2 must have same number of batches"
    r"|inconsistent tensor size"
    r"|shape '.*' is invalid for input of size"
    r"|Sizes of tensors must match"
    r"|self must be a matrix|mat2 must be a matrix|must be a 3D tensor"
)
_TILE = "ReferenceTile"
_UNPACKING = re.compile(r"not enough values to unpack|too many values to unpack")


def explain(error: Exception, filename: str, state: ReferenceState) -> HelionError | None:
    """The error to raise in place of ``error``, with the place in the user's file; None to let it pass.

    Args:
        error: as caught around the kernel.
        filename: the user's file, in which the place is looked for.
        state: where the kernel was.
    """
    span = Span.from_traceback(error.__traceback__, filename)
    if isinstance(error, HelionError):
        error.locate(span)
        return error
    if isinstance(error, AttributeError):
        return missing_attribute(error, span, Tile) if asking_file(error) == filename else None
    return _translate(error, span, state)


def _translate(error: Exception, span: Span | None, state: ReferenceState) -> HelionError | None:
    text = str(error)
    operation = (span.text() if span else None) or "this operation"
    if isinstance(error, (RuntimeError, IndexError)) and _SHAPES.search(text):
        return ShapeMismatch(
            operation=operation,
            reason=text.splitlines()[0],
            span=span,
            notes=tuple(_short_tiles(text, state)),
        )
    outside = missing_dimension(error, span)
    if outside is not None:
        return outside
    if isinstance(error, NameError) and error.name:
        return UndefinedVariable(name=error.name, span=span)
    if isinstance(error, TypeError) and _TILE in text:
        return IncorrectTileUsage(operation=operation, span=span)
    if isinstance(error, ValueError) and _UNPACKING.search(text):
        return _unpacking(text, span, state)
    return None


def _short_tiles(text: str, state: ReferenceState) -> Iterator[str]:
    """Of tiles shorter than their block, those that an error is about: a compiled kernel pads them."""
    sizes = {int(number) for number in re.findall(r"\d+", text)}
    entries = [entry for handed in state.running for entry in handed]
    for tile in entries:
        length = tile.__index__() if isinstance(tile, ReferenceTile) else 0
        if 0 < length < tile.block_size and {length, tile.block_size} <= sizes:
            yield (
                f"the last tile of a loop has {length} positions, its block size is {tile.block_size}:\n"
                "reference mode pads nothing, so give it block sizes that divide the loop's range, or none"
            )


def _unpacking(text: str, span: Span | None, state: ReferenceState) -> HelionError:
    wanted = re.search(r"expected (?:at least )?(\d+)", text)
    targets = wanted.group(1) if wanted else "several"
    if state.latest_loop is not None and span is not None and span.line == state.latest_loop[0]:
        return FailedToUnpackTile(targets=targets, tiles=state.latest_loop[1], span=span)
    value = "more values" if "too many" in text else "fewer values"
    return FailedToUnpackTupleAssign(targets=targets, value=value, span=span)
