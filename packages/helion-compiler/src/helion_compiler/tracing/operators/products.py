"""Matrix products."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion import exc
from helion_compiler.program.ops import Dot
from helion_compiler.tracing.location import here, location
from helion_compiler.tracing.rules import rule_for

if TYPE_CHECKING:
    from helion_compiler.tracing.state import Trace


@rule_for("mm", "bmm")
def matmul(
    trace: Trace,
    _operator: Any,
    lhs: torch.Tensor,
    rhs: torch.Tensor,
    out_dtype: torch.dtype | None = None,
) -> torch.Tensor:
    """``lhs @ rhs`` in the dtype of the operands, or another, summed in float32 (int32 for integers)."""
    return dot(trace, lhs, rhs, None, out_dtype or torch.promote_types(lhs.dtype, rhs.dtype))


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
    """``beta * accumulator + alpha * (lhs @ rhs)`` in the dtype of the accumulator; integers have integer factors."""
    if not accumulator.dtype.is_floating_point:
        beta, alpha = int(beta), int(alpha)
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
    agree = trace.symbols.agree
    if len(left) != len(right) or len(left) not in (2, 3) or not agree(left[-1:], right[-2:-1]):
        raise exc.ShapeMismatch(
            span=here(),
            operation="a matrix product",
            reason=f"{trace.describe(lhs)} and {trace.describe(rhs)} do not fit",
        )
    if not agree(batch, right[:-2]):
        raise exc.DotBatchDimensionMismatch(
            span=here(), left=trace.describe(lhs), right=trace.describe(rhs)
        )
    _check_types(lhs.dtype, rhs.dtype)
    sizes = (*batch, left[-2], right[-1])
    if left[-1] in (0, 1):
        return _outer(trace, lhs, rhs, accumulator, result_dtype)
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


def _check_types(lhs: torch.dtype, rhs: torch.dtype) -> None:
    dtype = torch.promote_types(lhs, rhs)
    if not dtype.is_floating_point and dtype is not torch.int8:
        raise exc.UnsupportedOperator(
            span=here(),
            operator="a matrix product",
            reason=f"Triton multiplies matrices of floats and of int8, not of {dtype}",
        )


def _outer(
    trace: Trace,
    lhs: torch.Tensor,
    rhs: torch.Tensor,
    accumulator: torch.Tensor | None,
    result_dtype: torch.dtype,
) -> torch.Tensor:
    """A product of a column and a row: no sum, and no use for a tensor core. Of nothing, it is zero."""
    dtype = _accumulate_dtype(lhs.dtype, rhs.dtype)
    with trace.listening():
        if lhs.shape[-1] == 0:
            product = torch.zeros([*lhs.shape[:-1], rhs.shape[-1]], dtype=dtype, device=lhs.device)
        else:
            product = lhs.to(dtype) * rhs.to(dtype)
        return (product if accumulator is None else accumulator + product).to(result_dtype)


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
