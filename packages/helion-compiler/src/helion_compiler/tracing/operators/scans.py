"""``torch.cumsum`` and its like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import torch

from helion_compiler.tracing.iota import iota
from helion_compiler.tracing.operators.dims import dims_of
from helion_compiler.tracing.operators.folds import scan_by
from helion_compiler.tracing.rules import rule_for

if TYPE_CHECKING:
    from helion_compiler.tracing.operators.folds import Combine, Tensors
    from helion_compiler.tracing.state import Trace

Kind = Literal["sum", "prod"]


def _add(left: Tensors, right: Tensors) -> Tensors:
    return (left[0] + right[0],)


def _multiply(left: Tensors, right: Tensors) -> Tensors:
    return (left[0] * right[0],)


_COMBINE: dict[str, tuple[Combine, int]] = {"sum": (_add, 0), "prod": (_multiply, 1)}


def cumulative(
    trace: Trace, kind: Kind, operand: torch.Tensor, dim: int, *, reverse: bool = False
) -> torch.Tensor:
    """Sums or products so far along ``dim``, in the operand's dtype; bools are or-ed and and-ed, as torch does."""
    if operand.ndim == 0:
        return operand.clone()
    combine, neutral = _COMBINE[kind]
    (result,) = scan_by(
        trace, _listening(trace, combine), (operand,), dim, reverse=reverse, neutral=(neutral,)
    )
    return result


def _listening(trace: Trace, combine: Combine) -> Combine:
    """A function of ours, recorded as the author's are."""

    def recorded(left: Tensors, right: Tensors) -> Any:
        with trace.listening():
            return combine(left, right)

    return recorded


@rule_for("cumsum", "cumprod")
def cumulative_rule(
    trace: Trace,
    operator: Any,
    operand: torch.Tensor,
    dim: int,
    *,
    dtype: torch.dtype | None = None,
) -> torch.Tensor:
    """``torch.cumsum`` and ``torch.cumprod``: integers become int64."""
    kind: Kind = "sum" if operator._schema.name == "aten::cumsum" else "prod"
    if dtype is None and not operand.is_floating_point():
        dtype = torch.int64
    with trace.listening():
        operand = operand if dtype is None else operand.to(dtype)
        return cumulative(trace, kind, operand, _dim(operand, dim))


@rule_for("logcumsumexp")
def logcumsumexp(trace: Trace, _operator: Any, operand: torch.Tensor, dim: int) -> torch.Tensor:
    """``torch.logcumsumexp``."""
    if operand.ndim == 0:
        return operand.clone()

    def combine(left: Tensors, right: Tensors) -> Tensors:
        return (torch.logaddexp(left[0], right[0]),)

    (result,) = scan_by(trace, _listening(trace, combine), (operand,), _dim(operand, dim))
    return result


@rule_for("cummax", "cummin")
def extremes(trace: Trace, operator: Any, operand: torch.Tensor, dim: int) -> Tensors:
    """``torch.cummax`` and ``torch.cummin``: the last of equals, and NaN from the first NaN on."""
    better = torch.ge if operator._schema.name == "aten::cummax" else torch.le

    def combine(left: Tensors, right: Tensors) -> Tensors:
        first, second = left[0], right[0]
        takes = better(second, first)
        if first.is_floating_point():
            takes = torch.isnan(second) | (takes & ~torch.isnan(first))
        return torch.where(takes, second, first), torch.where(takes, right[1], left[1])

    with trace.listening():
        if operand.ndim == 0:
            return operand.clone(), torch.zeros_like(operand, dtype=torch.int64)
        position = _dim(operand, dim)
        shape = [-1 if i == position else 1 for i in range(operand.ndim)]
        index = iota(trace, trace.sizes_of(operand)[position]).reshape(shape).expand_as(operand)
        values, indices = scan_by(trace, _listening(trace, combine), (operand, index), position)
        return values, indices.to(torch.int64)


def _dim(operand: torch.Tensor, dim: int) -> int:
    return dims_of(operand, dim)[0] if operand.ndim else 0
