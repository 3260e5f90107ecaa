"""What Triton 3.6 gets wrong: products of warp groups whose operands are not copied ahead by its pipeline.

All was seen on an H200, with random configs of the gallery (``benchmarks/space_correctness``).

- Where a product feeds another one, or its loop is not pipelined, Triton gives all warps rows of their own; with more
  groups of four warps than of 64 rows, some compute what others do too, from shared memory that is out of bounds, as
  the memory checker says, or from what they overwrite for each other.
- Where one operand comes from registers and the other by a descriptor that is waited for in place, the barriers of the
  latter stand before the fence of the former: what other warps have written may not be seen yet.

:mod:`helion_compiler.space.narrowing_operands` has what ptxas gets wrong of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from helion_autotune.constraints import Constraint
from helion_compiler.program.fields import made_by
from helion_compiler.program.ops import Dot
from helion_compiler.program.views import loaded_by
from helion_compiler.scheduling.warp_roles import GROUP_ROWS, GROUP_WARPS
from helion_compiler.space.access_modes import mode_of
from helion_compiler.space.space_part import SpacePart

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helion_compiler.program.ops import Load
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Axis, Size
    from helion_compiler.space.point_lanes import PointLanes
    from helion_compiler.space.tile_counts import TileCounts


def unpipelined_products(program: Program, lanes: PointLanes, counts: TileCounts) -> SpacePart:
    """Two demands for each loop with products."""
    makers = made_by(program.walk())
    loops = []
    for loop, name in zip(program.loops(), program.loop_names(), strict=True):
        products = [op for op in loop.body.ops if isinstance(op, Dot)]
        if products:
            factors = [(loaded_by(op.lhs, makers), loaded_by(op.rhs, makers)) for op in products]
            rows = tuple(op.sizes[0] for op in products)
            loops.append(_ProductLoop(name, loop.axes, rows, tuple(factors), lanes, counts))
    return SpacePart(demands=[demand for loop in loops for demand in loop.demands()])


def is_unpipelined(loop: str, point: Mapping[str, Any]) -> bool:
    """Whether what a loop of this name loads is not copied ahead."""
    stages = point.get(f"range_num_stages[{loop}]") or point.get("num_stages")
    return stages == 1 or bool(point.get(f"static_ranges[{loop}]", False))


def is_no_loop(
    loop: str, axes: tuple[Axis, ...], counts: TileCounts, point: Mapping[str, Any]
) -> bool:
    """Whether a loop over these axes has no more turns than it is unrolled by: Triton's pipeline does not see it."""
    turns = counts.of_all(axes, point)
    return turns is not None and turns <= max(_unrolled(loop, point), 1)


def _unrolled(loop: str, point: Mapping[str, Any]) -> int:
    return int(point.get(f"range_unroll_factors[{loop}]", 0))


@attrs.frozen
class _ProductLoop:
    """A loop with products: their rows, and the loads that their operands are views of, None for computed ones."""

    name: str
    axes: tuple[Axis, ...]
    rows: tuple[Size, ...]
    factors: tuple[tuple[Load | None, Load | None], ...]
    lanes: PointLanes
    counts: TileCounts

    def demands(self) -> tuple[Constraint, Constraint]:
        """What has to hold for its products to be right."""
        shared = (
            f"products of the loop {self.name} that are not pipelined (one stage, all turns unrolled), or that feed "
            f"each other and multiply by what is computed, may not have more groups of {GROUP_WARPS} warps than of "
            f"{GROUP_ROWS} rows: Triton reads outside of shared memory"
        )
        mixed = (
            f"products of the loop {self.name} that are not pipelined (one stage, `static_ranges`) may not take one "
            "operand by `tensor_descriptor` and the other one not: Triton fences shared memory too late"
        )
        return (
            Constraint(f"shared rows of {self.name}", shared, self._enough_rows),
            Constraint(f"mixed operands of {self.name}", mixed, self._alike),
        )

    def _feeds_computed(self, point: Mapping[str, Any]) -> bool:
        """Whether, in a turn, a product adds to another one, and the right factor of one is computed."""
        several = len(self.factors) > 1 or _unrolled(self.name, point) > 1
        return several and any(right is None for _, right in self.factors)

    def _enough_rows(self, point: Mapping[str, Any]) -> bool:
        groups = int(point["num_warps"]) // GROUP_WARPS
        rows = [self.lanes.of(size, point) for size in self.rows]
        if not (is_unpipelined(self.name, point) or self._feeds_computed(point)):
            # Fewer rows are no warp group's; with one stage they have not been told apart.
            no_loop = is_no_loop(self.name, self.axes, self.counts, point)
            rows = [each for each in rows if each >= GROUP_ROWS and no_loop]
        return all(groups <= max(each // GROUP_ROWS, 1) for each in rows)

    def _alike(self, point: Mapping[str, Any]) -> bool:
        if not is_unpipelined(self.name, point):
            return True
        for left, right in self.factors:
            modes = [point.get(mode_of(load), "pointer") for load in (left, right) if load]
            if right is None:  # it goes through shared memory; a left factor may stay in registers
                modes.append("pointer")
            if len(set(modes)) > 1:
                return False
        return True
