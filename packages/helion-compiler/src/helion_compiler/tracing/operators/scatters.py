"""Tiles with lanes put, added or reduced into positions that an index of the same rank tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion import exc
from helion_compiler.tracing.location import here
from helion_compiler.tracing.operators.arrivals import Arrivals, reduced, with_a_dimension
from helion_compiler.tracing.operators.dims import check_beside, check_index, dim_of
from helion_compiler.tracing.rules import rule_for

if TYPE_CHECKING:
    from helion_compiler.tracing.state import Trace


@rule_for("scatter")
@with_a_dimension
def scatter(
    trace: Trace,
    operator: Any,
    operand: torch.Tensor,
    dim: int,
    index: torch.Tensor,
    source: Any,
    *,
    reduce: str | None = None,
) -> torch.Tensor:
    """Put lanes, or a number, into positions along a dimension; or add or multiply."""
    if reduce is not None:
        return scatter_reduce(trace, operator, operand, dim, index, source, reduce)
    with trace.listening():
        arrivals = _scattered(trace, operator, operand, dim, index, source)
        if isinstance(source, torch.Tensor):
            return arrivals.last(source, operand)
        return torch.where(arrivals.any(), source, operand).to(operand.dtype)


@rule_for("scatter_add")
@with_a_dimension
def scatter_add(
    trace: Trace,
    operator: Any,
    operand: torch.Tensor,
    dim: int,
    index: torch.Tensor,
    source: torch.Tensor,
) -> torch.Tensor:
    """Add lanes to positions along a dimension."""
    return scatter_reduce(trace, operator, operand, dim, index, source, "sum")


@rule_for("scatter_reduce")
@with_a_dimension
def scatter_reduce(
    trace: Trace,
    operator: Any,
    operand: torch.Tensor,
    dim: int,
    index: torch.Tensor,
    source: Any,
    reduce: str,
    *,
    include_self: bool = True,
) -> torch.Tensor:
    """Reduce lanes, and what was there, into positions along a dimension."""
    with trace.listening():
        arrivals = _scattered(trace, operator, operand, dim, index, source)
        return reduced(arrivals, operand, source, reduce, include_self=include_self)


def _scattered(
    trace: Trace, operator: Any, operand: torch.Tensor, dim: int, index: torch.Tensor, source: Any
) -> Arrivals:
    """Arrivals by an index of the operand's rank; beside ``dim``, all sizes have to be the same."""
    name = operator._schema.name.removeprefix("aten::")
    check_index(name, index)
    dim = dim_of(operand, dim)
    for other in (index, source):
        if isinstance(other, torch.Tensor):
            check_beside(trace, name, operand, other, dim)
    if isinstance(source, torch.Tensor) and source.shape[dim] != index.shape[dim]:
        raise exc.ShapeMismatch(
            span=here(),
            operation=f"torch.{name}",
            reason=f"index {trace.describe(index)} and source {trace.describe(source)} differ",
        )
    return Arrivals.of(trace, name, operand, index, dim)
