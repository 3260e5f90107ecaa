"""What Triton 3.6 and 3.7 get wrong of flattened loops: operands that are made in one turn and read in later ones.

``flatten`` fuses the loop over tiles with the one inside it: what stands before the inner loop is done in the turns
that begin a tile. What it makes there for a product of a warp group, or of Blackwell's tensor cores, lies in shared
memory, in one place for the whole loop, and Triton hands the place on from turn to turn as if it were a value:

- The pipeline begins a tile as early as the inner loop's loads need it, a turn or more before the last products of the
  tile before, which then read the operand of the wrong tile. An H200 took the next tile's queries for the last keys of
  each (examples/attention.py, 31 tiles a program): in Triton's code the new ones are stored before the product of that
  turn reads their place. Where these keys are few, results differ by less than a check of results may allow.
- Where no load needs the beginning, it comes in time, but nothing makes what it stores visible to the tensor cores:
  Triton looks for what to fence behind operands, and not into the branch that such an operand comes from. In one stage
  the fences of other operands mostly do; flattening overlaps nothing then, so these points are not told apart.

Both are so in code for sm_90 and, the first, for sm_100. Products of fewer rows or warps read registers, which are
handed on by value, as is all that is no operand; and loops are not fused whose bounds differ from tile to tile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from helion_autotune.constraints import Constraint
from helion_compiler.program.fields import blocks, operands, results, symbols
from helion_compiler.program.ops import Dot, Load, Loop
from helion_compiler.program.program import walk
from helion_compiler.scheduling.warp_roles import GROUP_ROWS, GROUP_WARPS
from helion_compiler.space.space_part import SpacePart

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import sympy

    from helion_compiler.program.ops import Block
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Axis, Size, Value
    from helion_compiler.space.point_lanes import PointLanes
    from helion_compiler.space.target_traits import TargetTraits
    from helion_compiler.space.tile_counts import TileCounts

ARCHITECTURE = 90
"""The first of NVIDIA's whose products read shared memory themselves; Triton fuses no loops for AMD."""


def carried_operands(
    program: Program, lanes: PointLanes, counts: TileCounts, traits: TargetTraits
) -> SpacePart:
    """A demand for each grid with such products."""
    if traits.backend != "cuda" or int(traits.architecture) < ARCHITECTURE:
        return SpacePart()
    demands = []
    for grid, name in zip(program.grids, program.grid_names(), strict=True):
        rows = frozenset(op.sizes[0] for op in _products(grid.body, frozenset()))
        if rows:
            bounds = tuple(symbols(op) for op in walk(grid.body) if isinstance(op, Loop))
            demands.append(_FlatLoop(name, grid.axes, bounds, rows, lanes, counts).demand())
    return SpacePart(demands=demands)


def _products(block: Block, earlier: frozenset[Value]) -> Iterator[Dot]:
    """Those that read what is made before a loop that they are in or behind; ``earlier`` are such values.

    What is computed of these alone is the same in every turn, and counts as one of them.
    """
    made: set[Value] = set()
    for op in block.ops:
        if isinstance(op, Loop):
            earlier |= made
        if isinstance(op, Dot) and not earlier.isdisjoint((op.lhs, op.rhs)):
            yield op
        for inner in blocks(op):
            yield from _products(inner, earlier)
        made.update(results(op))
        read = operands(op)
        if read and earlier.issuperset(read) and not (blocks(op) or isinstance(op, Load)):
            earlier |= made.intersection(results(op))


@attrs.frozen
class _FlatLoop:
    """The loop over a grid's tiles: what the ``bounds`` of each loop inside it mention, and the ``rows`` of such
    products.
    """

    name: str
    axes: tuple[Axis, ...]
    bounds: tuple[frozenset[sympy.Symbol], ...]
    rows: frozenset[Size]
    lanes: PointLanes
    counts: TileCounts

    def demand(self) -> Constraint:
        """What has to hold for these to be right."""
        reason = (
            f"the loop {self.name} may not be flattened (`range_flattens`) where products of {GROUP_ROWS} rows and "
            f"{GROUP_WARPS} warps or more, in an inner loop or behind it, read what a tile makes before that loop: "
            "Triton keeps it in one place in shared memory, which the next tile overwrites too early"
        )
        return Constraint(f"carried operands of {self.name}", reason, self._holds)

    def _holds(self, point: Mapping[str, Any]) -> bool:
        if not point.get(f"range_flattens[{self.name}]") or int(point["num_warps"]) < GROUP_WARPS:
            return True
        few = all(self.lanes.of(size, point) < GROUP_ROWS for size in self.rows)
        return few or not self._is_fused(point)

    def _is_fused(self, point: Mapping[str, Any]) -> bool:
        """Whether a loop may have the same bounds in all tiles; how many loops will be left is not asked."""
        turns = {axis.offset: self.counts.of(axis, point) for axis in self.axes}
        differing = {offset for offset, number in turns.items() if number and number > 1}
        return any(differing.isdisjoint(mentioned) for mentioned in self.bounds)
