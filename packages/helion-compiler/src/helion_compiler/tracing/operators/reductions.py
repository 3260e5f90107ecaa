"""Reductions, one dimension at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import torch

from helion_compiler.program.ops import Reduce, ReduceKind
from helion_compiler.tracing.location import location
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
    if kind in _INDEX_REDUCTIONS:
        return _position(trace, kind, operand, dim, keepdim=keepdim)
    with trace.listening():
        if kind in ("sum", "prod"):
            operand = _accumulable(operand, dtype)
        elif kind in _BOOL_REDUCTIONS:
            return _truth(trace, kind, operand, dims_of(operand, dim), keepdim=keepdim)
        else:
            operand = operand.clone()  # of no dimensions, the result is a tensor of its own
    return _reduce_all(trace, kind, operand, dims_of(operand, dim), keepdim=keepdim)


def _reduce_all(
    trace: Trace, kind: Any, operand: torch.Tensor, dims: Sequence[int], *, keepdim: bool
) -> torch.Tensor:
    for position in sorted(dims, reverse=True):
        operand = _reduce_one(trace, kind, operand, position, keepdim=keepdim)
    return operand


def _truth(
    trace: Trace, kind: Any, operand: torch.Tensor, dims: Sequence[int], *, keepdim: bool
) -> torch.Tensor:
    """``any`` and ``all``: bool, but of uint8 uint8, as torch has it."""
    dtype = torch.uint8 if operand.dtype is torch.uint8 else torch.bool
    return _reduce_all(trace, kind, operand != 0, dims, keepdim=keepdim).to(dtype)


def _position(
    trace: Trace, kind: Any, operand: torch.Tensor, dim: Any, *, keepdim: bool
) -> torch.Tensor:
    """Where the extreme is along ``dim``, or among all elements in row-major order; the first of equal ones."""
    with trace.listening():
        if operand.ndim == 0:
            dims_of(operand, dim)
            return torch.zeros_like(operand, dtype=torch.int64)
        if operand.dtype is torch.bool:
            operand = operand.to(torch.int32)
        if dim is not None:
            (position,) = dims_of(operand, dim)
            return _reduce_one(trace, kind, operand, position, keepdim=keepdim)
        place = _reduce_one(trace, kind, operand.reshape(-1), 0, keepdim=False)
        return place.reshape([1] * operand.ndim) if keepdim else place


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
