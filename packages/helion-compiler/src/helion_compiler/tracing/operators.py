"""How ATen operators that are not pointwise are recorded: reductions, dots, views, fills.

Every rule takes the operator's own arguments and returns fake results; shapes are checked here, in the author's terms.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, get_args

import torch

from helion import exc
from helion_compiler.program.ops import (
    Broadcast,
    Dot,
    Permute,
    Reduce,
    ReduceKind,
    Squeeze,
    Unsqueeze,
)
from helion_compiler.tracing.fills import fill_tile
from helion_compiler.tracing.location import here, location
from helion_compiler.tracing.rules import RULES, rule_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from helion_compiler.tracing.rules import Rule
    from helion_compiler.tracing.state import Trace

REDUCTIONS: frozenset[str] = frozenset(get_args(ReduceKind))
_INDEX_REDUCTIONS = ("argmax", "argmin")
_BOOL_REDUCTIONS = ("any", "all")


# Reductions.


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
    dims = _dims(operand, dim)
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


def _dims(operand: torch.Tensor, dim: int | Sequence[int] | None) -> list[int]:
    if dim is None or (not isinstance(dim, int) and len(dim) == 0):
        return list(range(operand.ndim))
    given = [dim] if isinstance(dim, int) else list(dim)
    for position in given:
        if not -operand.ndim <= position < operand.ndim:
            raise exc.ShapeMismatch(
                span=here(),
                operation=f"dim={position}",
                reason=f"the tile has {operand.ndim} dimensions",
            )
    return [position % operand.ndim for position in given]


# Dots.


@rule_for("mm", "bmm")
def matmul(trace: Trace, _operator: Any, lhs: torch.Tensor, rhs: torch.Tensor) -> torch.Tensor:
    """``lhs @ rhs`` in the dtype of the operands, summed in float32 (int32 for integers)."""
    return dot(trace, lhs, rhs, None, torch.promote_types(lhs.dtype, rhs.dtype))


@rule_for("addmm", "baddbmm")
def add_matmul(
    trace: Trace,
    _operator: Any,
    accumulator: torch.Tensor,
    lhs: torch.Tensor,
    rhs: torch.Tensor,
    *,
    beta: float = 1,
    alpha: float = 1,
) -> torch.Tensor:
    """``beta * accumulator + alpha * (lhs @ rhs)`` in the dtype of the accumulator."""
    if alpha != 1:
        product = dot(trace, lhs, rhs, None, _accumulate_dtype(lhs.dtype, rhs.dtype))
        with trace.listening():
            return (beta * accumulator + alpha * product).to(accumulator.dtype)
    if beta != 1:
        with trace.listening():
            accumulator = beta * accumulator
    return dot(trace, lhs, rhs, accumulator, accumulator.dtype)


def dot(
    trace: Trace,
    lhs: torch.Tensor,
    rhs: torch.Tensor,
    accumulator: torch.Tensor | None,
    result_dtype: torch.dtype,
) -> torch.Tensor:
    """Record ``accumulator + lhs @ rhs``, after checking every shape."""
    left, right = trace.sizes_of(lhs), trace.sizes_of(rhs)
    batch = left[:-2]
    if len(left) != len(right) or len(left) not in (2, 3) or left[-1] != right[-2]:
        raise exc.ShapeMismatch(
            span=here(),
            operation="a matrix product",
            reason=f"{trace.describe(lhs)} and {trace.describe(rhs)} do not fit",
        )
    if batch != right[:-2]:
        raise exc.DotBatchDimensionMismatch(
            span=here(), left=trace.describe(lhs), right=trace.describe(rhs)
        )
    sizes = (*batch, left[-2], right[-1])
    if accumulator is not None and trace.sizes_of(accumulator) != sizes:
        with trace.listening():
            accumulator = _expand(trace, accumulator, sizes)
    result = trace.fake(sizes, result_dtype)
    trace.body.append(
        Dot(
            result=trace.new_value(result, "dot"),
            lhs=trace.value_of(lhs),
            rhs=trace.value_of(rhs),
            accumulator=None if accumulator is None else trace.value_of(accumulator),
            accumulate=_accumulate_dtype(lhs.dtype, rhs.dtype),
            location=location(),
        )
    )
    return result


def _expand(trace: Trace, tensor: torch.Tensor, sizes: tuple[Any, ...]) -> torch.Tensor:
    try:
        return tensor.expand([trace.symbols.value(size) for size in sizes])
    except RuntimeError as error:
        raise exc.ShapeMismatch(
            span=here(),
            operation="the accumulator of a matrix product",
            reason=f"{trace.describe(tensor)} does not expand to its result",
            notes=(str(error),),
        ) from error


def _accumulate_dtype(lhs: torch.dtype, rhs: torch.dtype) -> torch.dtype:
    dtype = torch.promote_types(lhs, rhs)
    if dtype is torch.float64:
        return torch.float64
    return torch.float32 if dtype.is_floating_point else torch.int32


# Views.


@rule_for("permute")
def permute(
    trace: Trace, _operator: Any, operand: torch.Tensor, dims: Sequence[int]
) -> torch.Tensor:
    """Reorder dimensions."""
    order = tuple(dim % operand.ndim for dim in dims)
    sizes = trace.sizes_of(operand)
    result = trace.fake(tuple(sizes[dim] for dim in order), operand.dtype)
    value = trace.value_of(operand)
    trace.body.append(
        Permute(
            result=trace.new_value(result, "permute"),
            operand=value,
            order=order,
            location=location(),
        )
    )
    return result


@rule_for("transpose")
def transpose(
    trace: Trace, operator: Any, operand: torch.Tensor, first: int, second: int
) -> torch.Tensor:
    """Swap two dimensions."""
    order = list(range(operand.ndim))
    order[first], order[second] = order[second], order[first]
    return permute(trace, operator, operand, order)


@rule_for("t")
def t(trace: Trace, operator: Any, operand: torch.Tensor) -> torch.Tensor:
    """Swap the two dimensions of a matrix."""
    return operand if operand.ndim < 2 else permute(trace, operator, operand, (1, 0))


@rule_for("unsqueeze")
def unsqueeze(trace: Trace, _operator: Any, operand: torch.Tensor, dim: int) -> torch.Tensor:
    """Insert a dimension of size 1."""
    dim %= operand.ndim + 1
    sizes = list(trace.sizes_of(operand))
    sizes.insert(dim, 1)
    result = trace.fake(tuple(sizes), operand.dtype)
    value = trace.value_of(operand)
    trace.body.append(
        Unsqueeze(
            result=trace.new_value(result, "unsqueeze"), operand=value, dim=dim, location=location()
        )
    )
    return result


@rule_for("squeeze")
def squeeze(
    trace: Trace,
    _operator: Any,
    operand: torch.Tensor,
    dim: int | Sequence[int] | None = None,
) -> torch.Tensor:
    """Remove dimensions of size 1."""
    sizes = trace.sizes_of(operand)
    for position in sorted(_dims(operand, dim), reverse=True):
        if sizes[position] == 1:
            operand = _squeeze_one(trace, operand, position)
    return operand


def _squeeze_one(trace: Trace, operand: torch.Tensor, dim: int) -> torch.Tensor:
    sizes = list(trace.sizes_of(operand))
    del sizes[dim]
    result = trace.fake(tuple(sizes), operand.dtype)
    value = trace.value_of(operand)
    trace.body.append(
        Squeeze(
            result=trace.new_value(result, "squeeze"), operand=value, dim=dim, location=location()
        )
    )
    return result


@rule_for("expand")
def expand(
    trace: Trace,
    operator: Any,
    operand: torch.Tensor,
    sizes: Sequence[Any],
    *,
    implicit: bool = False,  # noqa: ARG001  # ATen's own parameter, without meaning here
) -> torch.Tensor:
    """Broadcast to a larger shape."""
    with trace.fake_mode:
        expanded = operator(operand, sizes)
    target = trace.sizes_of(expanded)
    while operand.ndim < len(target):
        operand = unsqueeze(trace, operator, operand, 0)
    if trace.sizes_of(operand) == target:
        return operand
    result = trace.fake(target, operand.dtype)
    value = trace.value_of(operand)
    trace.body.append(
        Broadcast(result=trace.new_value(result, "expand"), operand=value, location=location())
    )
    return result


@rule_for("view", "reshape", "_unsafe_view", "_reshape_alias")
def view(
    trace: Trace, operator: Any, operand: torch.Tensor, sizes: Sequence[Any], *_: Any
) -> torch.Tensor:
    """Insert or remove dimensions of size 1; other reshapes are refused."""
    with trace.fake_mode:
        target = trace.sizes_of(operand.reshape(sizes))
    source = trace.sizes_of(operand)
    if tuple(size for size in source if size != 1) != tuple(size for size in target if size != 1):
        raise exc.UnsupportedOperator(
            span=here(),
            operator="torch.reshape",
            reason="only dimensions of size 1 may be inserted or removed",
        )
    for dim in reversed(range(len(source))):
        if source[dim] == 1:
            operand = _squeeze_one(trace, operand, dim)
    for dim, size in enumerate(target):
        if size == 1:
            operand = unsqueeze(trace, operator, operand, dim)
    return operand


@rule_for("clone", "lift_fresh_copy")
def copy(trace: Trace, _operator: Any, operand: torch.Tensor, **_: Any) -> torch.Tensor:
    """The same value in a tensor of its own, which may change in place while the original stays."""
    result = trace.fake(trace.sizes_of(operand), operand.dtype)
    trace.add_value(result, trace.value_of(operand))
    return result


@rule_for("alias", "detach", "contiguous", "lift_fresh")
def same(trace: Trace, _operator: Any, operand: torch.Tensor, **_: Any) -> torch.Tensor:
    """A tile is a value: aliases are the tile itself."""
    trace.value_of(operand)
    return operand


# Fills.


@rule_for("full", "full_like", "new_full")
def full(
    trace: Trace, _operator: Any, first: Any, *rest: Any, dtype: Any = None, **_: Any
) -> torch.Tensor:
    """A tile of one number."""
    sizes, fill, inherited = _fill_arguments(trace, first, rest)
    if dtype is None:
        dtype = inherited or torch.tensor(fill).dtype
    return fill_tile(trace, sizes, fill, dtype)


def _fill_arguments(
    trace: Trace, first: Any, rest: tuple[Any, ...]
) -> tuple[tuple[Any, ...], Any, torch.dtype | None]:
    expression = trace.symbols.expression
    if not isinstance(first, torch.Tensor):
        return tuple(expression(size) for size in first), rest[0], None
    if len(rest) == 2:
        return tuple(expression(size) for size in rest[0]), rest[1], first.dtype
    return trace.sizes_of(first), rest[0], first.dtype


@rule_for("zeros", "zeros_like", "new_zeros", "empty", "empty_like", "new_empty")
def zeros(
    trace: Trace, operator: Any, first: Any, *rest: Any, dtype: Any = None, **_: Any
) -> torch.Tensor:
    """A tile of zeros; an empty tile is one, too."""
    return full(trace, operator, first, *rest, 0.0, dtype=dtype)


@rule_for("ones", "ones_like", "new_ones")
def ones(
    trace: Trace, operator: Any, first: Any, *rest: Any, dtype: Any = None, **_: Any
) -> torch.Tensor:
    """A tile of ones."""
    return full(trace, operator, first, *rest, 1.0, dtype=dtype)


@rule_for("scalar_tensor")
def scalar_tensor(
    trace: Trace, _operator: Any, fill: Any, *, dtype: Any = None, **_: Any
) -> torch.Tensor:
    """A rank-0 tile."""
    return fill_tile(trace, (), fill, dtype or torch.get_default_dtype())


TABLE: Mapping[str, Rule] = MappingProxyType(RULES)
"""Every recording rule, by ATen name without overload."""
