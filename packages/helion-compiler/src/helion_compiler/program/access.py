"""The shape that subscripts select, and which of its dimensions each subscript lies along.

Tiles and slices take one dimension each, in order; numbers take none; a value takes the dimensions that
it names, and several values may share theirs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion_compiler.program.types import ScalarIndex, Subscript, TileSlice, ValueIndex, WholeSlice

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from helion_compiler.program.types import Size, Value


def layout(subscripts: Sequence[Subscript]) -> tuple[tuple[int, ...], ...]:
    """For each subscript, the dimensions of the accessed shape that it lies along."""
    taken = {dim for entry in subscripts if isinstance(entry, ValueIndex) for dim in entry.dims}
    free = (dim for dim in range(len(taken) + len(subscripts)) if dim not in taken)
    return tuple(_dims(entry, free) for entry in subscripts)


def accessed_shape(
    subscripts: Sequence[Subscript], addresses: Value | None = None
) -> tuple[Size, ...]:
    """The shape that the subscripts select, of each of the tensors at ``addresses`` if there are any."""
    sizes: dict[int, Size] = {}
    for entry, dims in zip(subscripts, layout(subscripts), strict=True):
        for dim, size in zip(dims, _sizes(entry), strict=True):
            if sizes.get(dim, 1) == 1:
                sizes[dim] = size
    stacked = () if addresses is None else addresses.type.shape
    return (*stacked, *(sizes[dim] for dim in sorted(sizes)))


def _dims(entry: Subscript, free: Iterator[int]) -> tuple[int, ...]:
    match entry:
        case TileSlice() | WholeSlice():
            return (next(free),)
        case ValueIndex():
            return entry.dims
        case ScalarIndex():
            return ()


def _sizes(entry: Subscript) -> tuple[Size, ...]:
    match entry:
        case TileSlice():
            return (entry.axis.size,)
        case WholeSlice():
            return (1 if entry.axis is None else entry.axis.size,)
        case ValueIndex():
            return entry.value.type.shape
        case ScalarIndex():
            return ()
