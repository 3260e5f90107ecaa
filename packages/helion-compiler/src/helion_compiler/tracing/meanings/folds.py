"""Reductions and scans by the author's own functions."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import torch

from helion import exc
from helion_compiler.tracing.location import here
from helion_compiler.tracing.meanings.registry import meaning, need_device
from helion_compiler.tracing.operators.folds import reduce_by, scan_by
from helion_compiler.tracing.operators.scans import cumulative

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from helion_compiler.tracing.state import Trace

Tensors = tuple[torch.Tensor, ...]


@meaning
def reduce(
    trace: Trace,
    combine_fn: Callable[..., Any],
    input_tensor: Any,
    dim: int | None = None,
    other: Any = 0,
    keep_dims: bool = False,
) -> Any:
    """``hl.reduce``: one dimension after the other, the first one first."""
    need_device(trace, "reduce")
    values = _as_values(trace, "hl.reduce", input_tensor)
    combine = _combiner(combine_fn, input_tensor)
    dims = range(values[0].ndim) if dim is None else [_dimension(trace, "hl.reduce", values, dim)]
    empty = tuple(other) if isinstance(other, tuple | list) else (other,) * len(values)
    for gone, position in enumerate(dims):
        values = reduce_by(trace, combine, values, position - gone, empty)
    if keep_dims:
        for position in dims:
            values = tuple(value.unsqueeze(position) for value in values)
    return values if isinstance(input_tensor, tuple | list) else values[0]


@meaning
def associative_scan(
    trace: Trace,
    combine_fn: Callable[..., Any],
    input_tensor: Any,
    dim: int,
    reverse: bool = False,
) -> Any:
    """``hl.associative_scan``."""
    need_device(trace, "associative_scan")
    values = _as_values(trace, "hl.associative_scan", input_tensor)
    combine = _combiner(combine_fn, input_tensor)
    position = _dimension(trace, "hl.associative_scan", values, dim)
    values = scan_by(trace, combine, values, position, reverse=reverse)
    return values if isinstance(input_tensor, tuple | list) else values[0]


@meaning
def cumsum(
    trace: Trace, input_tensor: torch.Tensor, dim: int, reverse: bool = False
) -> torch.Tensor:
    """``hl.cumsum``: in the input's dtype."""
    need_device(trace, "cumsum")
    (value,) = _as_values(trace, "hl.cumsum", input_tensor)
    position = _dimension(trace, "hl.cumsum", (value,), dim)
    return cumulative(trace, "sum", value, position, reverse=reverse)


@meaning
def cumprod(
    trace: Trace, input_tensor: torch.Tensor, dim: int, reverse: bool = False
) -> torch.Tensor:
    """``hl.cumprod``: in the input's dtype."""
    need_device(trace, "cumprod")
    (value,) = _as_values(trace, "hl.cumprod", input_tensor)
    position = _dimension(trace, "hl.cumprod", (value,), dim)
    return cumulative(trace, "prod", value, position, reverse=reverse)


def _as_values(trace: Trace, function: str, given: Any) -> Tensors:
    values = tuple(given) if isinstance(given, tuple | list) else (given,)
    for value in values:
        trace.value_of(value)
    shapes = {trace.sizes_of(value): value for value in values}
    if len(shapes) > 1:
        first, second, *_ = shapes.values()
        raise exc.ShapeMismatch(
            span=here(),
            operation=function,
            reason=f"{trace.describe(first)} and {trace.describe(second)} differ",
        )
    return values


def _dimension(trace: Trace, function: str, values: Tensors, dim: Any) -> int:
    if not isinstance(dim, int) or isinstance(dim, bool):
        raise exc.InvalidReductionDim(span=here(), operation=function, dim=repr(dim))
    rank = values[0].ndim
    if not -rank <= dim < rank:
        raise exc.ReductionDimInvalidForShape(
            span=here(),
            operation=function,
            dim=dim,
            what=f"shape {trace.describe(values[0])}",
        )
    return dim % rank


def _combiner(
    combine_fn: Callable[..., Any], given: Any
) -> Callable[[Tensors, Tensors], Sequence[Any]]:
    """The author's function as one from two tuples to a sequence."""
    several = isinstance(given, tuple | list)
    unpacked = several and _parameters(combine_fn) == 2 * len(given) > 2

    def combine(left: Tensors, right: Tensors) -> Sequence[Any]:
        if not several:
            return (combine_fn(left[0], right[0]),)
        result: Any = combine_fn(*left, *right) if unpacked else combine_fn(left, right)
        return result if isinstance(result, tuple | list) else (result,)

    return combine


def _parameters(function: Callable[..., Any]) -> int:
    """How many arguments a function takes by position; 0 where it does not say."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 0
    return sum(one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD) for one in parameters)
