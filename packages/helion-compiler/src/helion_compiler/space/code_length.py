"""How many instructions of a thread a point's loops become: ptxas takes time for each, and for many more than in
proportion.

A product that matrix units do is a few instructions. One that lanes do themselves, as of float32 in IEEE precision on
NVIDIA's GPUs, is a multiplication and addition for each of ``m n k`` divided among threads, and unrolled loops have
their bodies several times. Of ten thousand configs drawn at random, all that took more than 40 s for sm_90 on a free
core (Triton 3.6) have more than 15,000 by this count; configs that were fast in sweeps have less than 3,000.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from helion_autotune.constraints import Constraint
from helion_compiler.model import instructions_of
from helion_compiler.program.fields import results
from helion_compiler.program.ops import (
    Atomic,
    Fold,
    Iota,
    Load,
    Mask,
    Pointwise,
    Reduce,
    Sort,
    Store,
)
from helion_compiler.scheduling.least_lanes import least_lanes
from helion_compiler.space.regions import regions
from helion_compiler.space.unrolling import copies

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    import torch

    from helion_compiler.program.ops import Op
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Size
    from helion_compiler.space.point_lanes import PointLanes
    from helion_compiler.space.regions import Region
    from helion_compiler.space.tile_counts import TileCounts

MOST_INSTRUCTIONS = 10_000


def short_code(
    program: Program,
    lanes: PointLanes,
    counts: TileCounts,
    warp_size: int,
    by_lanes: Collection[torch.dtype],
) -> Constraint:
    """The constraint that a thread's code compiles in less than a minute. Lanes do products of dtypes ``by_lanes``."""
    grids = regions(program)
    least = least_lanes(program)
    lengths = {
        region.name: _Length(region, by_lanes) for grid in grids for region in grid.everywhere()
    }

    def holds(point: Mapping[str, Any]) -> bool:
        threads = warp_size * int(point["num_warps"])

        def lanes_of(size: Size) -> int:
            return max(lanes.of(size, point), least.get(size, 1))

        total = sum(
            number * lengths[region.name].of(lanes_of, threads)
            for grid in grids
            for number, region in copies(grid, counts, point)
        )
        return total <= MOST_INSTRUCTIONS

    written = "tiles and unrolled loops"
    if by_lanes:
        written += ", and products in IEEE precision, of which lanes do every step,"
    return Constraint(
        "code",
        f"{written} would be more than {MOST_INSTRUCTIONS} instructions of a thread, "
        "for which ptxas compiles for minutes",
        holds,
    )


class _Length:
    """The instructions of one copy of what a region does itself, for each lane of a shape; of products, for each of
    the multiplications.
    """

    def __init__(self, region: Region, by_lanes: Collection[torch.dtype]) -> None:
        self._shapes: defaultdict[tuple[Size, ...], float] = defaultdict(float)
        for op in region.own:
            for shape, instructions in _of_lanes(op):
                self._shapes[shape] += instructions
        self._products = [
            (*op.result.type.shape, op.sizes[1])
            for op in region.products
            if op.lhs.type.dtype in by_lanes
        ]

    def of(self, lanes: Callable[[Size], int], threads: int) -> float:
        """Of a thread of so many."""
        total = sum(
            instructions * max(math.prod(map(lanes, shape)) / threads, 1.0)
            for shape, instructions in self._shapes.items()
        )
        return total + sum(math.prod(map(lanes, shape)) for shape in self._products) / threads


def _of_lanes(op: Op) -> list[tuple[tuple[Size, ...], float]]:
    match op:
        case Pointwise():
            return [(op.result.type.shape, instructions_of(op))]
        case Reduce():
            return [(op.operand.type.shape, 1.0)]
        case Fold():
            return [(op.operands[0].type.shape, 1.0)]
        case Store():
            return [(op.value.type.shape, 1.0)]
        case Load() | Atomic() | Mask() | Iota() | Sort():
            return [(value.type.shape, 1.0) for value in results(op)]
        case _:
            return []
