"""Whether a grid of several axes may become one flat axis: its body works element by element on whole tiles, over
elements whose number is compiled in.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from helion_compiler.program.fields import operands, results, symbols
from helion_compiler.program.ops import (
    Broadcast,
    Full,
    Load,
    Permute,
    Pointwise,
    Range,
    Squeeze,
    Store,
    Unsqueeze,
)
from helion_compiler.program.program import walk
from helion_compiler.program.types import ScalarIndex, TileSlice

if TYPE_CHECKING:
    from helion_compiler.program.ops import Grid
    from helion_compiler.program.program import Program

MAX_ELEMENTS = (1 << 31) - (1 << 20)
"""A flat index is an int32, also in the last tile, which may reach beyond the elements by almost a tile."""

_ELEMENTWISE = (
    Load,
    Store,
    Full,
    Range,
    Pointwise,
    Permute,
    Unsqueeze,
    Squeeze,
    Broadcast,
)


class NotFlat(Exception):  # noqa: N818  # the answer to a question, not a failure
    """Why the axes of a grid cannot become one."""


def check_flat(program: Program, grid: Grid) -> None:
    """Whether the axes of a grid can become one.

    Raises:
        NotFlat: they cannot.
    """
    extents(program, grid)
    blocks = {axis.size for axis in grid.axes}
    if len(blocks) < len(grid.axes):
        raise NotFlat("axes of the grid share a block size")
    positions = blocks | {axis.offset for axis in grid.axes}
    for op in walk(grid.body):
        if not isinstance(op, _ELEMENTWISE):
            raise NotFlat("its body does more than to compute element by element")
        if not symbols(op).isdisjoint(positions):
            raise NotFlat("its body computes with where tiles begin or how large they are")
        for value in (*operands(op), *results(op)):
            sizes = [size for size in value.type.shape if size != 1]
            if not blocks.issuperset(sizes) or len(set(sizes)) < len(sizes):
                raise NotFlat("a value has a dimension of another kind")
        if isinstance(op, Load | Store):
            _check_access(op, grid)


def extents(program: Program, grid: Grid) -> tuple[int, ...]:
    """How many elements the grid has along each axis.

    Raises:
        NotFlat: that is not known, or such elements are not counted by one index.
    """
    if len(grid.axes) == 1:
        raise NotFlat("the grid has one dimension")
    if any(axis.scalar or axis.ends is not None or axis.begin != 0 for axis in grid.axes):
        raise NotFlat("its loops are not over tiles from the first element on")
    found = [program.resolve(axis.extent) for axis in grid.axes]
    if not all(isinstance(extent, int) or extent.is_Integer for extent in found):
        raise NotFlat("how many elements it has is only known at run time")
    known = tuple(int(extent) for extent in found)
    if not 0 < math.prod(known) < MAX_ELEMENTS:
        raise NotFlat("it has no elements, or more than an index of 32 bits can count")
    return known


def _check_access(op: Load | Store, grid: Grid) -> None:
    along = [entry.axis for entry in op.subscripts if isinstance(entry, TileSlice)]
    plain = all(
        isinstance(entry, ScalarIndex)
        or (isinstance(entry, TileSlice) and entry.shift == 0 and not entry.clipped)
        for entry in op.subscripts
    )
    if op.addresses is not None or not plain or not set(along) <= set(grid.axes):
        raise NotFlat(f"{op.name} is subscripted by more than the tiles of the grid")
    if isinstance(op, Store) and set(along) != set(grid.axes):
        raise NotFlat(f"{op.name} stores one element for several positions")
