"""What Triton 3.6 gets wrong: products of warp groups in a loop that is told not to be pipelined.

Seen on an H200, found by the memory checker: with ``tl.range(…, num_stages=1)`` and more warp groups than groups of 64
rows, so that warp groups share rows, the instructions of products read shared memory out of bounds.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from helion_autotune.constraints import Constraint
from helion_compiler.program.ops import Dot
from helion_compiler.space.space_part import SpacePart

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Size
    from helion_compiler.space.point_lanes import PointLanes

_GROUP_WARPS = 4
_GROUP_ROWS = 64


def unpipelined_products(program: Program, lanes: PointLanes) -> SpacePart:
    """One demand for each loop with products."""
    demands = []
    for loop, name in zip(program.loops(), program.loop_names(), strict=True):
        rows = [op.sizes[0] for op in loop.body.ops if isinstance(op, Dot)]
        if rows:
            reason = (
                f"with `range_num_stages` of 1, products of the loop {name} may not have more groups of "
                f"{_GROUP_WARPS} warps than of {_GROUP_ROWS} rows: Triton reads outside of shared memory there"
            )
            holds = partial(_holds, f"range_num_stages[{name}]", rows, lanes)
            demands.append(Constraint(f"unpipelined products of {name}", reason, holds))
    return SpacePart(demands=demands)


def _holds(stages: str, rows: Sequence[Size], lanes: PointLanes, point: Mapping[str, Any]) -> bool:
    if point.get(stages) != 1:
        return True
    groups = int(point["num_warps"]) // _GROUP_WARPS
    return all(groups <= max(lanes.of(size, point) // _GROUP_ROWS, 1) for size in rows)
