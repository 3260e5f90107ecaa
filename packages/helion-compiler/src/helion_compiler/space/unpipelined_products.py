"""What Triton 3.6 gets wrong: products of warp groups outside of a pipelined loop.

Seen on an H200. Where more warp groups than groups of 64 rows share a product, so that warp groups share rows, and its
loop is not pipelined (``tl.range(…, num_stages=1)``, ``tl.static_range``), the instructions of products read shared
memory out of bounds, as the memory checker says, or the result is wrong. And where two loops with products are unrolled
one behind the other, ptxas computes the second one's addresses of shared memory from a register that nothing has
written: ``cuobjdump -sass`` of examples/squeeze_and_excite.py shows it for blocks of 128, 64 and 32.
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
    """One demand for each loop with products, and one for all of them."""
    demands, names = [], []
    for loop, name in zip(program.loops(), program.loop_names(), strict=True):
        rows = [op.sizes[0] for op in loop.body.ops if isinstance(op, Dot)]
        if rows:
            reason = (
                f"with `range_num_stages` of 1 or `static_ranges`, products of the loop {name} may not have more "
                f"groups of {_GROUP_WARPS} warps than of {_GROUP_ROWS} rows: Triton reads outside of shared memory"
            )
            holds = partial(_enough_rows, name, rows, lanes)
            demands.append(Constraint(f"unpipelined products of {name}", reason, holds))
            names.append(name)
    if len(names) > 1:
        reason = (
            "`static_ranges` may unroll one loop with products: where two are, ptxas takes the second one's addresses "
            "of shared memory from a register that holds nothing"
        )
        demands.append(Constraint("unrolled products", reason, partial(_one_unrolled, names)))
    return SpacePart(demands=demands)


def _static(loop: str, point: Mapping[str, Any]) -> bool:
    return bool(point.get(f"static_ranges[{loop}]", False))


def _enough_rows(
    loop: str, rows: Sequence[Size], lanes: PointLanes, point: Mapping[str, Any]
) -> bool:
    if point.get(f"range_num_stages[{loop}]") != 1 and not _static(loop, point):
        return True
    groups = int(point["num_warps"]) // _GROUP_WARPS
    return all(groups <= max(lanes.of(size, point) // _GROUP_ROWS, 1) for size in rows)


def _one_unrolled(loops: Sequence[str], point: Mapping[str, Any]) -> bool:
    return sum(_static(loop, point) for loop in loops) <= 1
