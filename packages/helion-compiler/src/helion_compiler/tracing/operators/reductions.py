"""Reductions, one dimension at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import torch

from helion import exc
from helion_compiler.program.ops import Reduce, ReduceKind
from helion_compiler.tracing.location import here, location
from helion_compiler.tracing.operators.dims import dims_of
from helion_compiler.tracing.rules import rule_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion_compiler.tracing.state import Trace

REDUCTIONS: frozenset[str] = frozenset(get_args(ReduceKind))
_INDEX_REDUCTIONS = ("argmax", "argmin")
_BOOL_REDUCTIONS = ("any", "all")


@rule_for(*REDUCTIONS)
def reduce(
    trace: Trace,
    operator: Any,
    operand: torch.Tensor,
    dim: int | Sequence[int] | None = None,
    keepdim: bool = False,  # ATen's own position
    *,
    dtype: torch.dtype | None = None,
) -> torch.Tensor:
    """``sum``, ``amax``, …: one Reduce per dimension, innermost first."""
    kind = operator._schema.name.removeprefix("aten::")
    dims = dims_of(operand, dim)
    if kind in _INDEX_REDUCTIONS and len(dims) > 1:
        raise exc.UnsupportedOperator(
            span=here(), operator=f"torch.{kind}", reason="give it a dim: one dimension at a time"
        )
    if kind in ("sum", "prod"):
        operand = _accumulable(operand, dtype)
    elif kind in _BOOL_REDUCTIONS:
        operand = operand != 0 if operand.dtype is not torch.bool else operand
    for position in sorted(dims, reverse=True):
        operand = _reduce_one(trace, kind, operand, position, keepdim=keepdim)
    return operand


def _accumulable(operand: torch.Tensor, dtype: torch.dtype | None) -> torch.Tensor:
    """The operand in the dtype that torch sums in."""
    if dtype is None and not operand.dtype.is_floating_point:
        dtype = torch.int64
    return operand if dtype is None else operand.to(dtype)


def _reduce_one(
    trace: Trace, kind: Any, operand: torch.Tensor, dim: int, *, keepdim: bool
) -> torch.Tensor:
    sizes = list(trace.sizes_of(operand))
    sizes[dim : dim + 1] = [1] if keepdim else []
    dtype = torch.int64 if kind in _INDEX_REDUCTIONS else operand.dtype
    result = trace.fake(tuple(sizes), dtype)
    trace.body.append(
        Reduce(
            result=trace.new_value(result, kind),
            kind=kind,
            operand=trace.value_of(operand),
            dim=dim,
            keepdim=keepdim,
            location=location(),
        )
    )
    return result
