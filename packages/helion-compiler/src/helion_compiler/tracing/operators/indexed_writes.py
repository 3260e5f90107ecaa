"""Tiles with slices put, added or reduced into positions along a dimension, by an index of one dimension."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion import exc
from helion_compiler.tracing.location import here
from helion_compiler.tracing.operators.arrivals import Arrivals, reduced, with_a_dimension
from helion_compiler.tracing.operators.dims import check_beside, dim_of
from helion_compiler.tracing.operators.lanes import along
from helion_compiler.tracing.rules import rule_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion_compiler.tracing.state import Trace


@rule_for("index_copy")
@with_a_dimension
def index_copy(
    trace: Trace,
    _operator: Any,
    operand: torch.Tensor,
    dim: int,
    index: torch.Tensor,
    source: torch.Tensor,
) -> torch.Tensor:
    """Put slices into positions along a dimension."""
    _check_source(trace, "index_copy", operand, dim, index, source)
    with trace.listening():
        return _along(trace, "index_copy", operand, dim, index).last(source, operand)


@rule_for("index_fill")
@with_a_dimension
def index_fill(
    trace: Trace,
    _operator: Any,
    operand: torch.Tensor,
    dim: int,
    index: torch.Tensor,
    value: Any,
) -> torch.Tensor:
    """Put one number into positions along a dimension, which count from the end, too."""
    with trace.listening():
        wrapped = torch.where(index < 0, index + operand.shape[dim], index)
        arrivals = _along(trace, "index_fill", operand, dim, wrapped)
        return torch.where(arrivals.any(), value, operand).to(operand.dtype)


@rule_for("index_add")
@with_a_dimension
def index_add(
    trace: Trace,
    _operator: Any,
    operand: torch.Tensor,
    dim: int,
    index: torch.Tensor,
    source: torch.Tensor,
    *,
    alpha: Any = 1,
) -> torch.Tensor:
    """Add slices to positions along a dimension."""
    _check_source(trace, "index_add", operand, dim, index, source)
    with trace.listening():
        arrivals = _along(trace, "index_add", operand, dim, index)
        added = source if isinstance(alpha, int) and alpha == 1 else source * alpha
        return reduced(arrivals, operand, added, "sum", include_self=True)


@rule_for("index_reduce")
@with_a_dimension
def index_reduce(
    trace: Trace,
    _operator: Any,
    operand: torch.Tensor,
    dim: int,
    index: torch.Tensor,
    source: torch.Tensor,
    reduce: str,
    *,
    include_self: bool = True,
) -> torch.Tensor:
    """Reduce slices, and what was there, into positions along a dimension."""
    _check_source(trace, "index_reduce", operand, dim, index, source)
    with trace.listening():
        arrivals = _along(trace, "index_reduce", operand, dim, index)
        return reduced(arrivals, operand, source, reduce, include_self=include_self)


@rule_for("index_put", "_unsafe_index_put")
def index_put(
    trace: Trace,
    _operator: Any,
    operand: torch.Tensor,
    indices: Sequence[torch.Tensor | None],
    values: torch.Tensor,
    accumulate: bool = False,
) -> torch.Tensor:
    """``operand[:, index] = values`` as a new tile, for one index of one dimension."""
    given = [(dim, entry) for dim, entry in enumerate(indices) if entry is not None]
    dim, index = given[0]
    if len(given) > 1 or index.ndim != 1 or index.dtype is torch.bool:
        raise exc.UnsupportedOperator(
            span=here(),
            operator="torch.index_put",
            reason="on a tile it takes one index, of integers along one dimension",
        )
    with trace.listening():
        wrapped = torch.where(index < 0, index + operand.shape[dim], index)
        shape = [*operand.shape[:dim], index.shape[0], *operand.shape[dim + 1 :]]
        source = values.expand(shape)
        arrivals = _along(trace, "index_put", operand, dim, wrapped)
        if accumulate:
            return reduced(arrivals, operand, source, "sum", include_self=True)
        return arrivals.last(source, operand)


def _check_source(
    trace: Trace,
    name: str,
    operand: torch.Tensor,
    dim: int,
    index: torch.Tensor,
    source: torch.Tensor,
) -> None:
    """Refuse slices that are not those of the operand, or not as many as there are positions."""
    dim = dim_of(operand, dim)
    check_beside(trace, name, operand, source, dim)
    if trace.sizes_of(source)[dim] != trace.sizes_of(index.reshape(-1))[0]:
        raise exc.ShapeMismatch(
            span=here(),
            operation=f"torch.{name}",
            reason=f"index {trace.describe(index)} and source {trace.describe(source)} differ",
        )


def _along(
    trace: Trace, name: str, operand: torch.Tensor, dim: int, index: torch.Tensor
) -> Arrivals:
    dim = dim_of(operand, dim)
    return Arrivals.of(trace, name, operand, along(index.reshape(-1), operand.ndim, dim), dim)
