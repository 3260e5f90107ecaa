"""How much shared memory Triton takes at a point, to first order.

In: a Program, the lanes of its values and the turns of its loops at a point. Out: bytes. The rules are those of
Triton's passes (AssignLatencies, LowerLoops, LoopUnroll, FuseNestedLoops), checked against what Triton 3.6 allocates
for sm_90 at random configs of the gallery:

* what a loop loads for its products is kept once for each stage of the loop's pipeline, one stage less where products
  are synchronous, and once for each turn that is unrolled; loads of fewer than 4 bytes a thread have no pipeline;
* a loop of one turn, or of as many as it is unrolled by, is no loop: what it loads belongs to the loop around it;
* loops one after the other use the same memory, and a loop around loops has no pipeline;
* a loop without products has a pipeline where it asks for one by itself;
* what descriptors move passes through shared memory, and what they store has room of its own in a loop over tiles;
* factors of products that are computed are put there once, but for left ones of asynchronous products, and so is
  what is reduced behind products.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from helion_autotune.constraints import Constraint
from helion_compiler.scheduling.warp_roles import GROUP_ROWS, GROUP_WARPS
from helion_compiler.space.access_modes import mode_of
from helion_compiler.space.epilogue_subtile import parts_of
from helion_compiler.space.persistence import PERSISTENT
from helion_compiler.space.regions import regions
from helion_compiler.space.wide_loads import wide_loads

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from helion_compiler.program.ops import Dot, Load, Store
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Value
    from helion_compiler.space.point_lanes import PointLanes
    from helion_compiler.space.regions import Region
    from helion_compiler.space.tile_counts import TileCounts


def fits_shared_memory(memory: SharedMemory, limit: int) -> Constraint:
    """The constraint that ``limit`` bytes are enough."""
    return Constraint(
        "shared memory",
        f"what is staged in shared memory would not fit {limit // 1024} KiB of it",
        lambda point: memory.bytes_at(point) <= limit,
    )


@attrs.define(eq=False)
class _Content:
    """What a region keeps, in bytes: of ``streamed`` and ``loaded`` for each stage, of ``fixed`` in all.

    ``within`` is what the loops inside it keep by themselves, if it is ``around`` any.
    """

    streamed: int
    loaded: int
    fixed: int
    asynchronous: bool
    products: bool
    within: int = 0
    around: bool = False


class SharedMemory:
    """Estimates for one Program. ``in_parts`` names the accesses of epilogues that may be done in parts."""

    def __init__(
        self, program: Program, lanes: PointLanes, counts: TileCounts, in_parts: Iterable[str]
    ) -> None:
        self._lanes = lanes
        self._counts = counts
        self._in_parts = frozenset(in_parts)
        self._grids = regions(program)
        inside = [region for grid in self._grids for region in grid.everywhere()]
        self._piped = wide_loads(program)
        self._multiplies = any(region.products for region in inside)

    def bytes_at(self, point: Mapping[str, Any]) -> int:
        """The estimate at a point."""
        return max(self._of_grid(grid, point) for grid in self._grids)

    def _of_grid(self, grid: Region, point: Mapping[str, Any]) -> int:
        content = self._content(grid, point)
        stored = sum(self._stored(op, point) for one in grid.everywhere() for op in one.stores)
        reduced = self._reduced(grid, point)
        if point["pid_type"] not in PERSISTENT:
            return max(content.within, content.streamed + content.fixed, stored, reduced)
        kept = self._of_loop(content, grid, point) + stored
        apart = content.around and not point.get(f"range_flattens[{grid.name}]")
        return max(kept, reduced) if apart else kept + reduced

    def _content(self, region: Region, point: Mapping[str, Any]) -> _Content:
        narrow = [op for op in region.streamed if op not in self._piped]
        described = [op for op in region.loaded if _is_described(op, point)]
        content = _Content(
            streamed=self._bytes([op.result for op in region.streamed if op in self._piped], point),
            loaded=self._bytes([op.result for op in region.loaded if op in self._piped], point),
            fixed=self._bytes([*region.formed, *(op.result for op in narrow + described)], point),
            asynchronous=any(self._is_asynchronous(op, point) for op in region.products),
            products=bool(region.products),
        )
        if not content.asynchronous:  # others take them from registers
            content.fixed += self._bytes(region.computed, point)
        for loop in region.inner:
            self._take_in(content, loop, point)
        return content

    def _take_in(self, content: _Content, loop: Region, point: Mapping[str, Any]) -> None:
        """Add a loop to what is around it."""
        inner = self._content(loop, point)
        turns = self._counts.of_all(loop.axes, point)
        if (
            turns is not None
            and not inner.around
            and (loop.is_static(point) or turns <= loop.unrolled(point))
        ):
            content.streamed += turns * inner.streamed
            content.loaded += turns * inner.loaded
            content.fixed = max(content.fixed, inner.fixed)
            content.asynchronous |= inner.asynchronous
            content.products |= inner.products
            return
        content.around = True
        content.within = max(content.within, self._of_loop(inner, loop, point))

    def _of_loop(self, content: _Content, loop: Region, point: Mapping[str, Any]) -> int:
        """What a loop keeps that is not unrolled completely."""
        stages = 1 if content.around else loop.stages(point)
        kept = content.streamed * max(stages - (not content.asynchronous), 1)
        if not content.products and loop.own_stages(point) > 1:
            kept += content.loaded * (stages - 1)
        copies = loop.unrolled(point) if stages > 1 else 1
        return max(content.within, kept * copies + content.fixed)

    def _is_asynchronous(self, op: Dot, point: Mapping[str, Any]) -> bool:
        *batch, rows, _ = op.lhs.type.shape
        return (
            int(point["num_warps"]) >= GROUP_WARPS
            and self._lanes.of(rows, point) >= GROUP_ROWS
            and self._lanes.of_shape(tuple(batch), point) == 1
        )

    def _bytes(self, values: Iterable[Value], point: Mapping[str, Any]) -> int:
        return sum(self._lanes.bytes_of(value, point) for value in values)

    def _reduced(self, grid: Region, point: Mapping[str, Any]) -> int:
        if not self._multiplies:
            return 0
        return max((self._lanes.bytes_of(value, point) for value in grid.reduced), default=0)

    def _stored(self, op: Store, point: Mapping[str, Any]) -> int:
        if not _is_described(op, point):
            return 0
        return self._lanes.bytes_of(op.value, point) // (
            parts_of(point) if op.name in self._in_parts else 1
        )


def _is_described(op: Load | Store, point: Mapping[str, Any]) -> bool:
    return point.get(mode_of(op)) == "tensor_descriptor"
