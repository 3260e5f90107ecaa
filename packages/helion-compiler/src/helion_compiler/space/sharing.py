"""In which order a grid with products walks its tiles, so that tiles that read the same run together.

Along some axes of a grid, products of all tiles read the same operand, as keys and values of all tiles of queries;
along others, as heads and batches, nothing is shared. Groups of tiles (``l2_groupings``) are of the first two axes, so
these have to share something for groups to keep it in the L2. On an H200, 16 products of 1024x1024x1024 in one grid
took 67.6 µs in the order of the source, batches first, and 55.4 in this one; states of chunks 124.3 and 109.5.

In: a Program. Out: for each grid whose first two axes would share nothing, a better order. Where two axes share, these
are first. Where one does, an axis that shares nothing is first, of which a group of tiles runs together, or all where
what they read fits the cache, then the one that shares: a group of heads that fits the cache, its tiles from the
longest to the shortest, and then the next group is how FlashAttention-3 deals out causal attention (Shah and others,
2024).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import attrs
import sympy

from helion_compiler.program.fields import made_by, operands, symbols
from helion_compiler.program.ops import Load, Number, Range
from helion_compiler.program.program import walk
from helion_compiler.program.sources import sources_of
from helion_compiler.program.types import ScalarIndex, TileSlice
from helion_compiler.space.regions import regions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from helion_compiler.program.ops import Grid, Op
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Axis, Size

_FITS = 2 / 3
"""How much of the cache may be what tiles share, for it to stay there beside what else they move."""


def sharing_orders(program: Program, cache: int) -> dict[str, Any]:
    """The parameters of another order, and of groups, for each grid that it suits better; ``cache`` are the bytes of
    the L2.
    """
    found: dict[str, Any] = {}
    for grid, region in zip(program.grids, regions(program), strict=True):
        loops = [loop for inner in region.inner for loop in inner.everywhere()]
        sharing = _sharing(program, grid, [load for loop in loops for load in loop.streamed])
        if sharing is not None:
            found[f"loop_orders[{region.name}]"] = sharing.order
            if sharing.together <= cache * _FITS:
                found[f"l2_groupings[{region.name}]"] = 1
    return found


@attrs.frozen
class _Sharing:
    """The numbers of a grid's axes, the fastest first, and the bytes that tiles of the first two axes read."""

    order: tuple[int, ...]
    together: float


def _sharing(program: Program, grid: Grid, streamed: Iterable[Load]) -> _Sharing | None:
    """None where the first two axes share already, or no axis does."""
    walks = _Walks(grid)
    moving = {load: walks.axes_of(load) for load in streamed}
    places = range(len(grid.axes))
    shared = [
        place for place in places if any(grid.axes[place] not in axes for axes in moving.values())
    ]
    if not shared or {0, 1}.issubset(shared) or (len(shared) == 1 and shared[0] < 2):
        return None
    extents = [program.example(axis.extent) for axis in grid.axes]
    apart = sorted(set(places) - set(shared), key=lambda place: -extents[place])
    if len(shared) > 1:
        return _Sharing((*shared, *apart), math.inf)
    buffers = {load.buffer.number: load.buffer for load in moving}.values()
    read = sum(
        math.prod(map(program.example, buffer.shape)) * buffer.dtype.itemsize for buffer in buffers
    )
    others = math.prod(extents[place] for place in apart[1:])
    return _Sharing((apart[0], *shared, *apart[1:]), read / max(others, 1))


class _Walks:
    """Which axes of a grid move what is loaded."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        ops = list(walk(grid.body))
        self._makers = made_by(ops)
        self._numbers = {op.symbol: op for op in ops if isinstance(op, Number)}

    def axes_of(self, load: Load) -> frozenset[Axis]:
        """The axes whose tiles read different elements."""
        behind = [load, *self._behind(load)]
        mentioned = frozenset().union(*map(_mentioned, behind))
        direct = {axis for op in behind for axis in _walked(op)}
        return frozenset(
            axis for axis in self._grid.axes if axis in direct or axis.offset in mentioned
        )

    def _behind(self, load: Load) -> list[Op]:
        """The ops that decide where it reads."""
        found: dict[Op, None] = {}
        waiting: list[Op] = [load]
        while waiting:
            op = waiting.pop()
            made = sources_of(operands(op), self._makers)
            made += [self._numbers[one] for one in _mentioned(op) & self._numbers.keys()]
            new = [one for one in made if one not in found]
            found |= dict.fromkeys(new)
            waiting += new
        return list(found)


def _mentioned(op: Op) -> frozenset[sympy.Symbol]:
    """The symbols that decide which indices an op reads or is; where loops end does not, but where they begin."""
    if not isinstance(op, Load | Range):
        return symbols(op)
    sizes: list[Size] = [axis.begin for axis in _walked(op)]
    if isinstance(op, Load):
        sizes += [entry.position for entry in op.subscripts if isinstance(entry, ScalarIndex)]
        sizes += [entry.shift for entry in op.subscripts if isinstance(entry, TileSlice)]
    return frozenset().union(*(sympy.sympify(size).free_symbols for size in sizes))


def _walked(op: Op) -> list[Axis]:
    """The axes whose indices an op reads or is."""
    if isinstance(op, Range):
        return [op.axis]
    entries = op.subscripts if isinstance(op, Load) else ()
    return [entry.axis for entry in entries if isinstance(entry, TileSlice)]
