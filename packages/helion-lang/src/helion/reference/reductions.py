"""Reductions and scans with the kernel's own combine functions, along one dimension after the other."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, TypeAlias

import torch

from helion.exc import InvalidReductionDim, ReductionDimInvalidForShape, ShapeMismatch

if TYPE_CHECKING:
    from collections.abc import Callable

    from helion.reference.state import ReferenceState

Values: TypeAlias = tuple[torch.Tensor, ...]


def reduce(
    state: ReferenceState,
    combine_fn: Callable[..., Any],
    input_tensor: Any,
    dim: int | None,
    other: Any,
    keep_dims: bool,
) -> Any:
    """Neighbours combined, in order, until one is left; ``other`` where there was none."""
    values = _as_values("hl.reduce", input_tensor)
    combine = _combiner(state, combine_fn, input_tensor)
    rank = values[0].ndim
    dims = range(rank) if dim is None else [_dimension("hl.reduce", values, dim)]
    for one in dims:
        values = _reduced(combine, values, one, other)
    if not keep_dims:
        values = tuple(
            value.reshape([size for at, size in enumerate(value.shape) if at not in dims])
            for value in values
        )
    return values if isinstance(input_tensor, (tuple, list)) else values[0]


def associative_scan(
    state: ReferenceState,
    combine_fn: Callable[..., Any],
    input_tensor: Any,
    dim: int,
    reverse: bool,
) -> Any:
    """Each element combined with those 1, 2, 4, ... before it."""
    values = _as_values("hl.associative_scan", input_tensor)
    combine = _combiner(state, combine_fn, input_tensor)
    at = _dimension("hl.associative_scan", values, dim)
    if reverse:
        values = tuple(value.flip(at) for value in values)
    length, distance = values[0].size(at), 1
    while distance < length:
        earlier = tuple(value.narrow(at, 0, length - distance) for value in values)
        later = tuple(value.narrow(at, distance, length - distance) for value in values)
        combined = combine(earlier, later)
        values = tuple(
            torch.cat([value.narrow(at, 0, distance), new], at)
            for value, new in zip(values, combined, strict=True)
        )
        distance *= 2
    if reverse:
        values = tuple(value.flip(at) for value in values)
    return values if isinstance(input_tensor, (tuple, list)) else values[0].clone()


def cumsum(
    state: ReferenceState,  # noqa: ARG001 - every meaning takes it
    input_tensor: torch.Tensor,
    dim: int,
    reverse: bool,
) -> torch.Tensor:
    """Torch's own, in the input's dtype."""
    at = _dimension("hl.cumsum", (input_tensor,), dim)
    given = input_tensor.flip(at) if reverse else input_tensor
    result = given.cumsum(at, dtype=input_tensor.dtype)
    return result.flip(at) if reverse else result


def cumprod(
    state: ReferenceState,  # noqa: ARG001 - every meaning takes it
    input_tensor: torch.Tensor,
    dim: int,
    reverse: bool,
) -> torch.Tensor:
    """Torch's own, in the input's dtype."""
    at = _dimension("hl.cumprod", (input_tensor,), dim)
    given = input_tensor.flip(at) if reverse else input_tensor
    result = given.cumprod(at, dtype=input_tensor.dtype)
    return result.flip(at) if reverse else result


def _as_values(function: str, given: Any) -> Values:
    values = tuple(given) if isinstance(given, (tuple, list)) else (given,)
    for value in values[1:]:
        if value.shape != values[0].shape:
            raise ShapeMismatch(
                operation=function, reason=f"{list(values[0].shape)} and {list(value.shape)} differ"
            )
    return values


def _dimension(function: str, values: Values, dim: Any) -> int:
    if not isinstance(dim, int) or isinstance(dim, bool):
        raise InvalidReductionDim(operation=function, dim=repr(dim))
    rank = values[0].ndim
    if not -rank <= dim < rank:
        raise ReductionDimInvalidForShape(
            operation=function, dim=dim, what=f"shape {list(values[0].shape)}"
        )
    return dim % rank


def _combiner(
    state: ReferenceState, combine_fn: Callable[..., Any], given: Any
) -> Callable[[Values, Values], Values]:
    """``combine_fn`` as a function from two tuples to one; the user's code, run as such."""
    several = isinstance(given, (tuple, list))
    unpacked = several and _parameters(combine_fn) == 2 * len(given) > 2

    def combine(left: Values, right: Values) -> Values:
        state.add_values((left, right))
        with state.at_work(working=False):
            if not several:
                result: Any = (combine_fn(left[0], right[0]),)
            elif unpacked:
                result = combine_fn(*left, *right)
            else:
                result = combine_fn(left, right)
        if isinstance(result, torch.Tensor):
            result = (result,)
        return tuple(
            torch.as_tensor(new, device=old.device).to(old.dtype).expand(old.shape)
            for old, new in zip(left, result, strict=True)
        )

    return combine


def _parameters(function: Callable[..., Any]) -> int:
    """How many arguments a function takes by position; 0 where it does not say."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 0
    return sum(one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD) for one in parameters)


def _reduced(
    combine: Callable[[Values, Values], Values], values: Values, at: int, other: Any
) -> Values:
    length = values[0].size(at)
    if length == 0:
        neutral = other if isinstance(other, (tuple, list)) else (other,) * len(values)
        shape = [1 if one == at else size for one, size in enumerate(values[0].shape)]
        return tuple(value.new_full(shape, one) for value, one in zip(values, neutral, strict=True))
    while length > 1:
        pairs = length // 2
        left = tuple(_every_second(value, at, 0, pairs) for value in values)
        right = tuple(_every_second(value, at, 1, pairs) for value in values)
        combined = combine(left, right)
        values = tuple(
            torch.cat([new, value.narrow(at, 2 * pairs, length - 2 * pairs)], at)
            for value, new in zip(values, combined, strict=True)
        )
        length -= pairs
    return values


def _every_second(value: torch.Tensor, at: int, first: int, count: int) -> torch.Tensor:
    every = torch.arange(first, 2 * count, 2, device=value.device)
    return value.index_select(at, every)
