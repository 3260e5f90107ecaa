"""What Triton's pipeline for AMD cannot compile: four stages of two products, of which a load passes no shared memory.

For two products of which one feeds the other it has a schedule of its own, which erases every load of the loop. Those
that do not pass shared memory have uses still, at which the compiler ends
(https://github.com/triton-lang/triton/issues/9815): what is no operand of a product, seen with Triton 3.6 and
examples/gated_delta_net.py, and operands that lie in the threads as the instruction wants them. These were 16 by 16
elements of two bytes in one warp in examples/flex_attention.py, and in examples/attention.py float32 in two warps for
two matrices of a batch, so that each warp has one of its own. How a load lies in the threads depends on more than a
point says: wherever a warp multiplies by itself, it is refused.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import attrs

from helion_autotune.constraints import Constraint
from helion_compiler.program.ops import Dot, Load, Permute, Squeeze, Unsqueeze
from helion_compiler.program.program import count_uses
from helion_compiler.space.persistence import PERSISTENT
from helion_compiler.space.regions import regions
from helion_compiler.space.space_part import SpacePart

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Value
    from helion_compiler.space.point_lanes import PointLanes
    from helion_compiler.space.regions import Region
    from helion_compiler.space.target_traits import TargetTraits
    from helion_compiler.space.tile_counts import TileCounts

_STAGES, _PRODUCTS = 4, 2
_VIEWS = (Permute, Squeeze, Unsqueeze)


def chained_products(
    program: Program, lanes: PointLanes, counts: TileCounts, traits: TargetTraits
) -> SpacePart:
    """A demand for each loop that might hold two products, and a load that something else reads."""
    if traits.backend != "hip":
        return SpacePart()
    read_otherwise = _read_otherwise(program)
    loops = [
        _ChainedLoop(region, read_otherwise, lanes, counts)
        for grid in regions(program)
        for region in grid.everywhere()
    ]
    return SpacePart(demands=[loop.demand() for loop in loops if loop.might_fail()])


def _read_otherwise(program: Program) -> frozenset[Load]:
    """The loads that something else than products reads, as they are or transposed."""
    uses = sum((count_uses(grid.body) for grid in program.grids), Counter())
    as_factors: Counter[Value] = Counter()
    ops = list(program.walk())
    for op in reversed(ops):
        if isinstance(op, Dot):
            as_factors.update((op.lhs, op.rhs))
        elif isinstance(op, _VIEWS) and uses[op.result] == as_factors[op.result]:
            as_factors[op.operand] += 1
    loads = [op for op in ops if isinstance(op, Load)]
    return frozenset(op for op in loads if uses[op.result] != as_factors[op.result])


@attrs.frozen
class _ChainedLoop:
    """A loop, or the one over a grid's tiles.

    Whether one of its products feeds the other is not asked: nearly always it does, through what it adds to.
    """

    region: Region
    read_otherwise: frozenset[Load]
    lanes: PointLanes
    counts: TileCounts

    def might_fail(self) -> bool:
        """Whether some point could have too much in it."""
        inside = list(self.region.everywhere())
        loads = any(held.streamed or held.loaded for held in inside)
        return loads and any(held.products for held in inside)

    def demand(self) -> Constraint:
        """What has to hold for it to compile."""
        reason = (
            f"the loop {self.region.name} may not have {_STAGES} stages with two products in it, if something else "
            "than these reads what it loads, or a warp multiplies by itself (one warp, or one for each matrix of a "
            "batch): Triton's pipeline for AMD erases the load"
        )
        return Constraint(f"chained products of {self.region.name}", reason, self._holds)

    def _holds(self, point: Mapping[str, Any]) -> bool:
        region = self.region
        is_loop = not region.is_static(point) if region.axes else point["pid_type"] in PERSISTENT
        if not is_loop or region.stages(point) != _STAGES or not self._erases(point):
            return True
        unrolled = region.unrolled(point)
        return all(number * unrolled != _PRODUCTS for number in self._products(region, point))

    def _erases(self, point: Mapping[str, Any]) -> bool:
        """Whether some load does not pass shared memory."""
        inside = list(self.region.everywhere())
        if any(map(self._loads_otherwise, inside)):
            return True
        products = [op for held in inside for op in held.products]
        batches = (self.lanes.of_shape(op.result.type.shape[:-2], point) for op in products)
        return max(batches, default=0) >= int(point["num_warps"])

    def _products(self, region: Region, point: Mapping[str, Any]) -> set[int]:
        """How many there may be in the body of a loop: inner loops are written out that are static, or have no more
        turns than they are unrolled by, and a flattened loop does what one inside it does in a turn.

        What only the call knows, or only Triton finds out, may be one turn.
        """
        found = {len(region.products)}
        for inner in region.inner:
            written = {
                turns * number
                for turns in self._turns_written(region, inner, point)
                for number in self._products(inner, point)
            }
            found = {one + other for one in found for other in written}
        return found

    def _turns_written(self, region: Region, inner: Region, point: Mapping[str, Any]) -> set[int]:
        """Of an inner loop, how many turns may stand in the body of the one around it; none where it stays a loop."""
        turns, unrolled = self.counts.of_all(inner.axes, point), inner.unrolled(point)
        if turns is None:
            return {0, 1, unrolled}
        if inner.is_static(point):
            return {turns}
        flattened = {1, unrolled} if region.is_flattened(point) else set()
        return flattened | ({turns, unrolled} if turns <= unrolled else {0})

    def _loads_otherwise(self, region: Region) -> bool:
        return not self.read_otherwise.isdisjoint((*region.streamed, *region.loaded))
