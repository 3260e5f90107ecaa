"""How reductions become text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from helion_compiler.emission.dtypes import dtype_text
from helion_compiler.emission.functions import DEVICE_FUNCTIONS
from helion_compiler.emission.held import position, spread

if TYPE_CHECKING:
    from helion_compiler.emission.context import EmissionContext
    from helion_compiler.program.ops import Reduce

_FLOAT = {
    "amax": "tl.reduce({x}, {dim}, nan_maximum)",
    "amin": "tl.reduce({x}, {dim}, nan_minimum)",
}
_ANY = {
    "sum": "tl.sum({x}, {dim})",
    "amax": "tl.max({x}, {dim})",
    "amin": "tl.min({x}, {dim})",
    "prod": "tl.reduce({x}, {dim}, product)",
    "any": "tl.max({x}.to(tl.int32), {dim}) != 0",
    "all": "tl.min({x}.to(tl.int32), {dim}) != 0",
    "argmax": "tl.reduce(({x}, {index}), {dim}, greater_with_index)[1]",
    "argmin": "tl.reduce(({x}, {index}), {dim}, smaller_with_index)[1]",
}


def emit_reduce(context: EmissionContext, op: Reduce) -> None:
    """One reduction. Half precision is reduced in float32: sums are rounded once, as torch does,
    and maxima lose nothing. Triton reduces integers of fewer than 32 bits as int32, and leaves them that.
    """
    shape = op.operand.type.shape
    dtype = op.operand.type.dtype
    dim = position(context, shape, op.dim)
    if dim is None:
        _reduce_one_lane(context, op)
        return
    template = (_FLOAT.get(op.kind) if dtype.is_floating_point else None) or _ANY[op.kind]
    operand = context.use(op.operand)
    narrow = dtype.is_floating_point and dtype.itemsize < 4 and "{index}" not in template
    if narrow:
        operand = f"{operand}.to(tl.float32)"
    index = ""
    if "{index}" in template:
        lanes = spread(context, context.arange(shape[op.dim]), shape, op.dim)
        index = f"tl.broadcast_to({lanes}, {context.shape(shape)})"
    text = template.format(x=operand, dim=dim, index=index)
    context.uses |= {name for name in DEVICE_FUNCTIONS if name in text}
    if narrow or (op.kind in ("sum", "amax", "amin") and dtype.itemsize < 4):
        text = f"({text}).to({dtype_text(dtype)})"
    if op.kind in ("argmax", "argmin"):
        text = f"{text}.to(tl.int64)"
    context.define(op.result, text)


def _reduce_one_lane(context: EmissionContext, op: Reduce) -> None:
    """What there is already, or the index of the only lane."""
    operand = context.use(op.operand)
    if op.kind in ("argmax", "argmin"):
        shape = context.shape(op.result.type.shape)
        context.define(op.result, f"tl.full({shape}, 0, tl.int64)")
    elif op.kind in ("any", "all") and op.operand.type.dtype is not torch.bool:
        context.define(op.result, f"{operand} != 0")
    else:
        context.bind(op.result, operand)
