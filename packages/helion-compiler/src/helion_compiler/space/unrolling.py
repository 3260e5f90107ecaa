"""How much code a point's unrolled loops become: Triton's passes take time for every copy of every op.

An unrolled loop is followed by a loop for the turns that are left, so that a nest of three that are unrolled by 4
has its body 125 times. Such a kernel took Triton 3.6 over 280 s; one copy took it 1 s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helion_autotune.constraints import Constraint
from helion_compiler.space.persistence import PERSISTENT
from helion_compiler.space.regions import regions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from helion_compiler.program.program import Program
    from helion_compiler.space.regions import Region
    from helion_compiler.space.tile_counts import TileCounts

MOST_COPIES = 32
MOST_OPS = 500
"""Copies of ops in all; a kernel that has many as it is may have four times as many."""
_GROWTH = 4


def few_copies(program: Program, counts: TileCounts) -> Constraint:
    """The constraint that unrolling leaves code which compiles in less than a minute."""
    grids = regions(program)
    own = sum(len(region.own) for grid in grids for region in grid.everywhere())
    most = max(MOST_OPS, _GROWTH * own)

    def holds(point: Mapping[str, Any]) -> bool:
        found = [pair for grid in grids for pair in copies(grid, counts, point)]
        return (
            max((number for number, _ in found), default=1) <= MOST_COPIES
            and sum(number * len(region.own) for number, region in found) <= most
        )

    return Constraint(
        "unrolling",
        f"unrolled loops would hold a body more than {MOST_COPIES} times, or {most} ops in all, "
        "for which Triton compiles for minutes",
        holds,
    )


def copies(
    region: Region, counts: TileCounts, point: Mapping[str, Any], around: int = 1
) -> Iterator[tuple[int, Region]]:
    """How often each body is written that is in a region, which itself is written ``around`` times."""
    here = around * _own_copies(region, counts, point)
    yield here, region
    for inner in region.inner:
        yield from copies(inner, counts, point, here)


def _own_copies(region: Region, counts: TileCounts, point: Mapping[str, Any]) -> int:
    if not region.axes and point["pid_type"] not in PERSISTENT:
        return 1
    if region.is_static(point):
        return counts.of_all(region.axes, point) or 1
    factor = region.unrolled(point)
    return 1 if factor == 1 else int((factor + 1) ** max(len(region.axes), 1))
