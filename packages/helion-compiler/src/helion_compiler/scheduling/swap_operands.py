"""Sum products with their operands swapped: ``b.T @ a.T`` in place of ``a @ b``, where b is computed and a is loaded.

Hopper's instructions take a right factor from shared memory and a left one from there or from registers. What is
computed of narrow weights is in registers: as a right factor, every turn puts it into shared memory, waits until all
warps have, and multiplies only then. As the left one of the transposed product it stays where it is. The sum is
transposed back behind the loop.

On an H200, 1024x4096x4096 with weights of four bits went from 104 to 62 us, and 16x8192x8192 from 64 to 30: there, the
columns of weights fill the 64 rows that an instruction has, of which 16 would be used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from helion_compiler.program.fields import made_by, with_blocks, with_fields
from helion_compiler.program.ops import Dot, Loop, Permute
from helion_compiler.program.program import walk
from helion_compiler.program.types import TileType, Value
from helion_compiler.program.views import loaded_by
from helion_compiler.scheduling.sums_of_products import sums_of_products

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from helion_compiler.program.ops import Block, Op
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Axis, Size
    from helion_compiler.scheduling.sums_of_products import SumOfProducts

_HALF = 2
"""Bytes of an element of which instructions take a right factor from shared memory in either order of its rows."""


def swap_operands(program: Program, loops: Collection[tuple[Axis, ...]]) -> Program:
    """``program`` with the operands of products swapped, in its loops over these axes, where that is of use."""

    def swapped(block: Block) -> Block:
        ops: list[Op] = []
        for op in block.ops:
            changed = with_blocks(op, swapped)
            if isinstance(changed, Loop) and changed.axes in loops:
                ops += _swapped(changed)
            else:
                ops.append(changed)
        return with_fields(block, ops=tuple(ops))

    return program.with_bodies(swapped) if loops else program


def swappable(loop: Loop) -> list[SumOfProducts]:
    """The sums of a loop all of whose products multiply what is loaded by what a turn computes."""
    made = made_by(loop.body.ops)
    return [
        one
        for one in sums_of_products(loop)
        if all(_is_swappable(product, made) for product in one.products)
    ]


def swappable_products(block: Block) -> frozenset[Dot]:
    """Those of all loops in a block."""
    loops = (op for op in walk(block) if isinstance(op, Loop))
    sums = (one for loop in loops for one in swappable(loop))
    return frozenset(product for one in sums for product in one.products)


def _is_swappable(op: Dot, made: Mapping[Value, Op]) -> bool:
    dtypes = {op.lhs.type.dtype, op.rhs.type.dtype}
    halves = all(dtype.is_floating_point and dtype.itemsize == _HALF for dtype in dtypes)
    computed = op.rhs in made and loaded_by(op.rhs, made) is None
    return halves and len(dtypes) == 1 and computed and loaded_by(op.lhs, made) is not None


def _swapped(loop: Loop) -> list[Op]:
    """The loop with sums that are transposed, and what transposes them before and behind it."""
    sums = swappable(loop)
    positions = [one.position for one in sums]
    ends = [values[at] for at in positions for values in (loop.parameters, loop.results)]
    products = [product.result for one in sums for product in one.products]
    mirrored = {value: _mirrored(value) for value in (*ends, *products)}
    before = {at: _transposed(loop.initial[at], loop) for at in positions}
    ops: list[Op] = []
    for op in loop.body.ops:
        if isinstance(op, Dot) and op.accumulator in mirrored:
            left, right = _transposed(op.rhs, op), _transposed(op.lhs, op)
            product = attrs.evolve(
                op,
                lhs=left.result,
                rhs=right.result,
                accumulator=mirrored[op.accumulator],
                result=mirrored[op.result],
            )
            ops += [left, right, product]
        else:
            ops.append(op)

    def changed(values: tuple[Value, ...]) -> tuple[Value, ...]:
        return tuple(mirrored.get(value, value) for value in values)

    loop_of_them = attrs.evolve(
        loop,
        initial=tuple(
            before[at].result if at in before else value for at, value in enumerate(loop.initial)
        ),
        parameters=changed(loop.parameters),
        results=changed(loop.results),
        body=attrs.evolve(loop.body, ops=tuple(ops), yields=changed(loop.body.yields)),
    )
    results = [loop.results[at] for at in positions]
    behind = [_permute(result, mirrored[result], loop) for result in results]
    return [*before.values(), loop_of_them, *behind]


def _transposed(value: Value, op: Op) -> Permute:
    return _permute(_mirrored(value), value, op)


def _permute(result: Value, operand: Value, op: Op) -> Permute:
    order = _order(operand.type.shape)
    return Permute(result=result, operand=operand, order=order, location=op.location)


def _mirrored(value: Value) -> Value:
    """A value of its own for the transposed matrix."""
    shape = tuple(value.type.shape[dim] for dim in _order(value.type.shape))
    return Value(value.name, TileType(value.type.dtype, shape))


def _order(shape: tuple[Size, ...]) -> tuple[int, ...]:
    rank = len(shape)
    return (*range(rank - 2), rank - 1, rank - 2)
