"""How matrix products become text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from helion_compiler.emission.dtypes import dtype_text
from helion_compiler.emission.held import complete, define_complete, held
from helion_compiler.scheduling.least_lanes import least_summed

if TYPE_CHECKING:
    from helion_compiler.emission.context import EmissionContext
    from helion_compiler.program.ops import Dot
    from helion_compiler.program.types import Value

AWAITED = "awaited({})"
"""A product that is waited for before anything else is computed."""


def emit_dot(context: EmissionContext, op: Dot) -> None:
    """``tl.dot``, or a sum of products where the author's own block is too small for it."""
    summed = context.schedule.lanes(op.lhs.type.shape[-1])
    text = _dot(context, op) if summed >= least_summed(op) else _sum(context, op)
    if op.awaited:
        context.uses.add("awaited")
        text = AWAITED.format(text)
    if op.result.type.dtype != op.accumulate:
        text = f"{text}.to({dtype_text(op.result.type.dtype)})"
    rank = len(op.result.type.shape)
    if {rank - 2, rank - 1}.issubset(held(context, op.result.type.shape)):
        context.define(op.result, text)
    else:
        define_complete(context, op.result, text)


def _dot(context: EmissionContext, op: Dot) -> str:
    """``tl.dot``, accumulating in place where the accumulator has the right dtype."""
    promoted = torch.promote_types(op.lhs.type.dtype, op.rhs.type.dtype)
    same = op.lhs.type.dtype == op.rhs.type.dtype
    arguments = [
        _matrix(context, value) if same else f"{_matrix(context, value)}.to({dtype_text(promoted)})"
        for value in (op.lhs, op.rhs)
    ]
    accumulator = op.accumulator
    in_place = accumulator is not None and accumulator.type.dtype == op.accumulate
    if in_place:
        arguments.append(f"acc={_matrix(context, accumulator)}")  # type: ignore[arg-type]  # in_place says so
    if promoted is torch.float32:
        arguments.append(f"input_precision={context.schedule.dot_precision!r}")
    arguments.append(f"out_dtype={dtype_text(op.accumulate)}")
    text = f"tl.dot({', '.join(arguments)})"
    return text if in_place else _added(context, op, text)


def _sum(context: EmissionContext, op: Dot) -> str:
    """Every product at once, and their sum: no more than a few for each element."""
    dtype = dtype_text(op.accumulate)
    lhs, rhs = (f"{_matrix(context, value)}.to({dtype})" for value in (op.lhs, op.rhs))
    *batch, _, _ = op.result.type.shape
    own = len(held(context, batch))
    before = ":, " * own
    products = f"{lhs}[{before}:, :, None] * {rhs}[{before}None, :, :]"
    return _added(context, op, f"tl.sum({products}, {own + 1})")


def _added(context: EmissionContext, op: Dot, text: str) -> str:
    return text if op.accumulator is None else f"({text} + {_matrix(context, op.accumulator)})"


def _matrix(context: EmissionContext, value: Value) -> str:
    """A value with rows and columns, of which there may be one."""
    rank = len(value.type.shape)
    return complete(context, value, (rank - 2, rank - 1))
