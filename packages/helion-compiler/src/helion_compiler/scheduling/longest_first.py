"""Which axes of a grid are dealt out from their end, since the tiles there have the longest loops.

In: a grid of a Program, and the lanes of its blocks. Out: the axes along which tiles take more and more turns, as in
causal attention, whose loop over keys ends where a tile of queries does. Multiprocessors take programs as they come to
an end of others; where the longest begin last, most of the GPU waits for a few of them. To begin with the longest is
Graham's rule ("Bounds on multiprocessing timing anomalies", 1969).

Turns are counted in the example call, at a few tiles along an axis; what lies in memory is taken to be large and the
same for all.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from helion_compiler.program.bounds import Bounds, UnknownError
from helion_compiler.program.ops import Loop
from helion_compiler.program.program import walk

if TYPE_CHECKING:
    from collections.abc import Mapping

    import sympy

    from helion_compiler.program.ops import Grid
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Axis, Size

_IN_MEMORY = 1 << 30
"""How far apart numbers are taken to be that are read from memory, the first of them from nothing."""
_TILES = 4
"""At how many tiles of an axis turns are counted: at its begin, and at each quarter behind it."""


def longest_first(
    program: Program, grid: Grid, blocks: Mapping[sympy.Symbol, int]
) -> tuple[int, ...]:
    """The numbers of the axes; ``blocks`` says how many lanes a block has, by its symbol."""
    turns = _Turns(program, grid, blocks)
    return tuple(number for number, axis in enumerate(grid.axes) if turns.grow_along(axis))


class _Turns:
    """The turns of all loops of a tile."""

    def __init__(self, program: Program, grid: Grid, blocks: Mapping[sympy.Symbol, int]) -> None:
        self._axes = [axis for op in walk(grid.body) if isinstance(op, Loop) for axis in op.axes]
        self._bounds = Bounds(program)
        offsets = {axis.offset for axis in (*grid.axes, *self._axes) if axis.offset is not None}
        self._numbers = {**program.symbol_hints, **blocks, **dict.fromkeys(offsets, 0)}

    def grow_along(self, axis: Axis) -> bool:
        """Whether later tiles along an axis take more of them, and none less."""
        if axis.offset is None or not self._axes:
            return False
        try:
            begin, extent = (
                self._of_size(size, self._numbers) for size in (axis.begin, axis.extent)
            )
            places = [begin + extent * tile // _TILES for tile in range(_TILES)]
            found = [self._at({**self._numbers, axis.offset: place}) for place in places]
        except UnknownError:
            return False
        return found[0] < found[-1] and all(one <= other for one, other in pairwise(found))

    def _at(self, numbers: Mapping[sympy.Symbol, int]) -> int:
        return sum(max(self._of_size(axis.extent, numbers), 0) for axis in self._axes)

    def _of_size(self, size: Size, numbers: Mapping[sympy.Symbol, int]) -> int:
        return int(self._bounds.of(size, numbers, self._bounds.entries(size, _IN_MEMORY)))
