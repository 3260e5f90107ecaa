"""Which combinations of choices cannot run, and which are not worth trying.

In: a Program, and the lanes of its values at a point. Out: the tuner's constraints, as data with
their reasons.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from helion_autotune.constraints import Constraint
from helion_compiler.program.divisors import Divisors
from helion_compiler.program.expressions import next_power_of_two
from helion_compiler.program.fields import results
from helion_compiler.program.ops import Load
from helion_compiler.program.types import Size, TileSlice
from helion_compiler.space.access_modes import mode_of
from helion_compiler.space.descriptors import descriptor_block, reads_nothing_behind
from helion_compiler.space.epilogue_subtile import parts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from helion_compiler.program.ops import Access
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Subscript
    from helion_compiler.space.point_lanes import PointLanes

MAX_NUMEL = 1 << 20
"""Triton refuses larger values."""
MAX_ELEMENTS_PER_THREAD = 128
"""More lanes of one value per thread, counting unrolled iterations, spill registers on every GPU
and compile for minutes."""
MAX_DESCRIPTOR_BLOCK = 256
MIN_DESCRIPTOR_ROW = 16
MIN_DESCRIPTOR_BLOCK = 128
"""Bytes. A copy begins at a multiple of 128 bytes of shared memory, and Triton lays the blocks of a
pipeline one behind the other."""


def demands(
    program: Program,
    lanes: PointLanes,
    with_descriptors: Iterable[Access],
    in_parts: Mapping[str, Size],
) -> tuple[Constraint, ...]:
    """What holds for every config that runs. ``with_descriptors`` are the accesses that may use them.

    ``in_parts`` names the accesses of epilogues that may be done in parts, with the size that has these.
    """
    largest = _largest(program, lanes)
    numel = Constraint(
        "numel",
        f"a value would have more than {MAX_NUMEL} elements, which Triton refuses",
        lambda point: largest(point) <= MAX_NUMEL,
    )
    described = (_descriptor(program, lanes, op, in_parts) for op in with_descriptors)
    return (numel, *described)


def few_registers(program: Program, lanes: PointLanes) -> Constraint:
    """Advice: a config beyond it runs, badly."""
    largest = _largest(program, lanes)
    return Constraint(
        "registers",
        f"a thread would hold more than {MAX_ELEMENTS_PER_THREAD} elements of one value",
        lambda point: (
            largest(point) * _unrolled(point)
            <= MAX_ELEMENTS_PER_THREAD * 32 * int(point["num_warps"])
        ),
    )


def whole_warps(program: Program, lanes: PointLanes, warp_size: int) -> Constraint:
    """Advice for what acts lane by lane: with less, every instruction takes as long, and there are more of them."""
    largest = _largest(program, lanes)
    most = {
        f"block_sizes[{block.name}]": next_power_of_two(block.size_hint) for block in program.blocks
    }
    enough = min(warp_size, largest(most))
    return Constraint(
        "whole warps",
        f"a program would have fewer than {enough} lanes, and threads of its warps nothing to do",
        lambda point: largest(point) >= enough,
    )


def _largest(program: Program, lanes: PointLanes) -> Callable[[Mapping[str, Any]], int]:
    """How many lanes the largest value has at a point."""
    shapes = {value.type.shape for op in program.walk() for value in results(op)}
    return lambda point: max((lanes.of_shape(shape, point) for shape in shapes), default=1)


def _descriptor(
    program: Program, lanes: PointLanes, op: Access, in_parts: Mapping[str, Size]
) -> Constraint:
    divisors = Divisors(program)

    def covers(subscript: Subscript, extent: Size, point: Mapping[str, Any]) -> bool:
        return not isinstance(subscript, TileSlice) or reads_nothing_behind(
            program, divisors, subscript.axis, extent, lambda size: lanes.of(size, point)
        )

    def holds(point: Mapping[str, Any]) -> bool:
        if point[mode_of(op)] != "tensor_descriptor":
            return True
        box = descriptor_block(op, lambda size: lanes.of(size, point))
        ends_with_loop = all(
            covers(subscript, extent, point)
            for subscript, extent in zip(op.subscripts, op.buffer.shape, strict=True)
        )
        return ends_with_loop and all(map(fits, moved(point, box)))

    def moved(point: Mapping[str, Any], box: tuple[int, ...]) -> list[tuple[int, ...]]:
        """The boxes that the descriptor moves: a load may be done in parts for an epilogue, and in full for others."""
        parts, cut = parts_of(point), in_parts.get(op.name)
        if parts == 1 or cut is None:
            return [box]
        smaller = descriptor_block(
            op, lambda size: lanes.of(size, point) // (parts if size == cut else 1)
        )
        return [box, smaller] if isinstance(op, Load) else [smaller]

    def fits(box: tuple[int, ...]) -> bool:
        itemsize = op.buffer.dtype.itemsize
        return (
            max(box) <= MAX_DESCRIPTOR_BLOCK
            and box[-1] * itemsize >= MIN_DESCRIPTOR_ROW
            and math.prod(box) * itemsize >= MIN_DESCRIPTOR_BLOCK
        )

    return Constraint(
        f"descriptor of {op.name}",
        f"a tensor descriptor's block has at most {MAX_DESCRIPTOR_BLOCK} elements per dimension, "
        f"at least {MIN_DESCRIPTOR_ROW} bytes in the last and {MIN_DESCRIPTOR_BLOCK} in all, "
        "and ends where the tensor or the tile loop does",
        holds,
    )


def _unrolled(point: Mapping[str, Any]) -> int:
    """How often the most unrolled loop repeats its body."""
    factors = (
        int(value) for name, value in point.items() if name.startswith("range_unroll_factors[")
    )
    return max((1, *factors))
