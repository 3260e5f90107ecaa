"""What ptxas cannot give products: the registers of one instruction, where a thread has few.

On sm_90 an instruction sums 64 rows of up to 256 columns in registers of 128 threads, half a one of each thread for
each column, and takes some 26 more, as ptxas says ("Insufficient registers (128) to compile instruction, ... 154 or
higher"). All threads of a multiprocessor share its registers, so that each of 512 has 128, and ``maxnreg`` may leave
fewer. Accumulators of several instructions may be spilled: 512 rows of 128 columns compile in 16 warps, 256 of 256 do
not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helion_autotune.constraints import Constraint
from helion_compiler.program.ops import Dot
from helion_compiler.scheduling.warp_roles import GROUP_ROWS
from helion_compiler.space.space_part import SpacePart

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helion_compiler.model import Limits
    from helion_compiler.program.program import Program
    from helion_compiler.space.point_lanes import PointLanes
    from helion_compiler.space.target_traits import TargetTraits

_MORE = 32
"""What ptxas wants of each thread beside the accumulator, and a little more."""
_ARCHITECTURE = 90
_WARP_ROWS = 16
_MOST_COLUMNS = 256
_MATRIX = 2
"""Dimensions: products of batches are no warp groups'."""
_WIDEST = 4
"""Bytes of a factor's elements."""


def product_registers(
    program: Program, lanes: PointLanes, traits: TargetTraits, limits: Limits
) -> SpacePart:
    """Demands for NVIDIA's GPUs; none where nothing is multiplied."""
    products = [op for op in program.walk() if isinstance(op, Dot)]
    if traits.backend != "cuda" or not products:
        return SpacePart()
    demands = [_of_limit(products, lanes)]
    if traits.architecture == _ARCHITECTURE:
        demands.append(_of_warp_groups(products, lanes, limits))
    return SpacePart(demands=demands)


def _of_limit(products: list[Dot], lanes: PointLanes) -> Constraint:
    """With ``maxnreg``, no accumulator is spilled."""
    shapes = {op.result.type.shape for op in products}

    def holds(point: Mapping[str, Any]) -> bool:
        limit = point.get("maxnreg")
        if limit is None:
            return True
        threads = 32 * int(point["num_warps"])
        needed = max(lanes.of_shape(shape, point) / threads for shape in shapes)
        return needed + _MORE <= int(limit)

    return Constraint(
        "registers of products",
        f"a product needs its accumulator's registers and {_MORE} more of each thread",
        holds,
    )


def _of_warp_groups(products: list[Dot], lanes: PointLanes, limits: Limits) -> Constraint:
    """Of one instruction, where all warps share what a multiprocessor has."""
    sizes = {op.sizes for op in products if _may_be_a_groups(op)}

    def holds(point: Mapping[str, Any]) -> bool:
        warps = int(point["num_warps"])
        most = limits.registers // (32 * warps)
        columns = (_columns(lanes.of(m, point), lanes.of(n, point), warps) for m, _, n in sizes)
        return max(columns, default=0) // 2 + _MORE <= most

    reason = (
        f"a product's instruction sums {GROUP_ROWS} rows of up to {_MOST_COLUMNS} columns in registers of four warps, "
        f"and all warps share the {limits.registers} of a multiprocessor: 256 rows of 256 columns are too many for "
        "16 warps and more, and 512 of 128 for 32"
    )
    return Constraint("registers of warp groups", reason, holds)


def _may_be_a_groups(op: Dot) -> bool:
    """Whether warp groups multiply it if there are enough rows and warps; float32 they do in tf32."""
    is_narrow = op.lhs.type.dtype.itemsize <= _WIDEST
    return is_narrow and len(op.result.type.shape) == _MATRIX


def _columns(rows: int, columns: int, warps: int) -> int:
    """Of an instruction, as Triton chooses them: warps that find no rows share columns."""
    along_rows = max(rows // _WARP_ROWS, 1)
    return min(columns // -(-warps // along_rows), _MOST_COLUMNS)
