"""Ops that arrange lanes anew, and masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion import exc
from helion_compiler.emission.dtypes import dtype_text
from helion_compiler.emission.held import complete, define_complete, held, placed, position
from helion_compiler.emission.numbers import number_text
from helion_compiler.program.expressions import next_power_of_two

if TYPE_CHECKING:
    from helion_compiler.emission.context import EmissionContext
    from helion_compiler.program.ops import (
        Broadcast,
        Mask,
        Permute,
        Pick,
        Reshape,
        Sort,
        Squeeze,
        Unsqueeze,
    )
    from helion_compiler.program.types import Value


def emit_permute(context: EmissionContext, op: Permute) -> None:
    """``tl.permute``, or nothing where only dimensions of one lane move."""
    dims = held(context, op.operand.type.shape)
    order = [dims.index(dim) for dim in op.order if dim in dims]
    if order == sorted(order):
        context.bind(op.result, context.use(op.operand))
    else:
        context.define(op.result, f"tl.permute({context.use(op.operand)}, {order})")


def emit_same_lanes(context: EmissionContext, op: Unsqueeze | Squeeze) -> None:
    """Nothing: dimensions of one lane do not exist in Triton."""
    context.bind(op.result, context.use(op.operand))
    if op.operand in context.indices:
        context.indices[op.result] = context.indices[op.operand]


def emit_broadcast(context: EmissionContext, op: Broadcast) -> None:
    """``tl.broadcast_to``."""
    _broadcast(context, op.result, placed(context, op.operand, op.result.type.shape), op.operand)


def _broadcast(context: EmissionContext, result: Value, text: str, operand: Value) -> None:
    """``text``, which ``operand`` became, in the shape of the result."""
    shape = result.type.shape
    if len(held(context, shape)) == len(held(context, operand.type.shape)):
        context.bind(result, text)
    else:
        context.define(result, f"tl.broadcast_to({text}, {context.shape(shape)})")


def emit_reshape(context: EmissionContext, op: Reshape) -> None:
    """``tl.reshape``, which keeps the order of lanes, and so needs all dimensions padded as little as can be."""
    sizes = (*op.operand.type.shape, *op.result.type.shape)
    widened = [
        s for s in sizes if isinstance(s, int) and context.schedule.lanes(s) > next_power_of_two(s)
    ]
    if widened:
        raise exc.UnsupportedOperator(
            span=None if op.location is None else op.location.span,
            operator="torch.reshape",
            reason=f"a dimension of {widened[0]} is an operand's in a matrix product too, which pads it to "
            f"{context.schedule.lanes(widened[0])}: reshape before the kernel, or multiply and sum instead",
        )
    shape = context.shape(op.result.type.shape)
    if shape == context.shape(op.operand.type.shape):
        context.bind(op.result, context.use(op.operand))
    else:
        context.define(op.result, f"tl.reshape({context.use(op.operand)}, {shape})")


def emit_pick(context: EmissionContext, op: Pick) -> None:
    """``tl.gather``; indices of padding, and an author's mistakes, are kept inside."""
    last = context.schedule.lanes(op.operand.type.shape[op.dim]) - 1
    if last == 0:
        _broadcast(
            context, op.result, placed(context, op.operand, op.result.type.shape), op.operand
        )
        return
    inside = f"tl.minimum(tl.maximum({complete(context, op.index)}, 0), {last})"
    text = f"tl.gather({_long_enough(context, op)}, {inside}, {op.dim})"
    define_complete(context, op.result, text)


def _long_enough(context: EmissionContext, op: Pick) -> str:
    """The operand of a pick, repeated until it has as many lanes as are picked: Triton compiles no other."""
    lanes = [context.schedule.lanes(size) for size in op.operand.type.shape]
    wanted = context.schedule.lanes(op.result.type.shape[op.dim])
    operand = complete(context, op.operand)
    if lanes[op.dim] >= wanted:
        return operand
    before, after = lanes[: op.dim], lanes[op.dim :]
    copies = [*before, wanted // lanes[op.dim], *after]
    shape = [*before, wanted, *after[1:]]
    repeated = f"tl.broadcast_to(tl.expand_dims({operand}, {op.dim}), {copies})"
    return f"tl.reshape({repeated}, {shape})"


def emit_sort(context: EmissionContext, op: Sort) -> None:
    """``tl.sort``, which sorts the last dimension."""
    shape = op.operand.type.shape
    if position(context, shape, len(shape) - 1) is None:
        context.bind(op.result, context.use(op.operand))
    else:
        context.define(op.result, f"tl.sort({context.use(op.operand)})")


def emit_mask(context: EmissionContext, op: Mask) -> None:
    """``tl.where`` on the mask of the dimension, or nothing where every block is full, or where a comparison has been
    written with its mask.
    """
    if op in context.masked:
        return
    mask = context.lane_mask(op.operand.type.shape, op.dim, op.axis)
    operand = context.use(op.operand)
    if mask is None:
        context.bind(op.result, operand)
        return
    fill = f"tl.full([], {number_text(op.fill)}, {dtype_text(op.operand.type.dtype)})"
    context.define(op.result, f"tl.where({mask}, {operand}, {fill})")
