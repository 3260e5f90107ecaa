"""``hl.dot_scaled``: products of small numbers that share scales, by the OCP microscaling formats (MX) v1.0.

Every number times its scale is exact in bfloat16 (float32 where it is a float16), so the operands are decoded and
multiplied as any others are: on every target, and where kernels are interpreted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from helion import exc
from helion_compiler.tracing.location import here
from helion_compiler.tracing.meanings.matrix import dot
from helion_compiler.tracing.meanings.registry import meaning, need_device
from helion_compiler.tracing.meanings.views import join

if TYPE_CHECKING:
    from helion_compiler.tracing.state import Trace

_GROUP = 32
_BIAS = 127
_NOT_A_NUMBER = 255
_DTYPES = {
    "e4m3": torch.float8_e4m3fn,
    "e5m2": torch.float8_e5m2,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}


@meaning
def dot_scaled(  # noqa: PLR0913, PLR0917  # as declared
    trace: Trace,
    mat1: torch.Tensor,
    mat1_scale: torch.Tensor | None,
    mat1_format: str,
    mat2: torch.Tensor,
    mat2_scale: torch.Tensor | None,
    mat2_format: str,
    acc: torch.Tensor | None = None,
    out_dtype: torch.dtype | None = None,
) -> torch.Tensor:
    """The product of what the operands stand for."""
    need_device(trace, "dot_scaled")
    for name, operand in (("mat1", mat1), ("mat2", mat2)):
        if operand.ndim != 2:
            raise exc.ShapeMismatch(
                span=here(),
                operation="hl.dot_scaled",
                reason=f"{name} is {trace.describe(operand)}, not a matrix",
            )
    left = _decoded(trace, "mat1", mat1, mat1_scale, mat1_format)
    right = _decoded(trace, "mat2", mat2.t(), mat2_scale, mat2_format).t()
    return dot(trace, left, right, acc, out_dtype or (None if acc is not None else torch.float32))


def _decoded(
    trace: Trace, operand: str, numbers: torch.Tensor, scale: torch.Tensor | None, form: str
) -> torch.Tensor:
    """``[rows, k]`` numbers times their scales."""
    exact = torch.float32 if form == "fp16" else torch.bfloat16
    values = (
        _four_bits(trace, operand, numbers)
        if form == "e2m1"
        else _floats(operand, numbers, form).to(torch.float32)
    )
    if scale is not None:
        values = values * _factors(trace, operand, scale, values)
    return values.to(exact)


def _four_bits(trace: Trace, operand: str, numbers: torch.Tensor) -> torch.Tensor:
    """Two numbers from each byte, the lower bits first: a sign, two bits of exponent, one of fraction."""
    if numbers.dtype is not torch.uint8:
        raise _wrong(operand, f"e2m1 comes in bytes, not {numbers.dtype}", "pack two in a byte")
    rows, half = numbers.shape
    wide = numbers.to(torch.int32)
    pairs = join(trace, _e2m1(wide & 15), _e2m1(wide >> 4))
    return pairs.reshape(rows, half * 2)


def _e2m1(bits: torch.Tensor) -> torch.Tensor:
    exponent, fraction = (bits >> 1) & 3, (bits & 1).to(torch.float32) * 0.5
    power = torch.where(exponent == 3, 4.0, torch.where(exponent == 2, 2.0, 1.0))
    size = torch.where(exponent == 0, fraction, (1 + fraction) * power)
    return torch.where((bits & 8) != 0, -size, size)


def _floats(operand: str, numbers: torch.Tensor, form: str) -> torch.Tensor:
    dtype = _DTYPES.get(form)
    if dtype is None:
        known = ", ".join(("e2m1", *_DTYPES))
        raise _wrong(operand, f"{form!r} is no format", f"use one of {known}")
    if numbers.dtype is torch.uint8 and dtype.itemsize == 1:
        return numbers.view(dtype)
    if numbers.dtype is not dtype:
        raise _wrong(
            operand, f"format {form!r} is {dtype}, not {numbers.dtype}", f"cast it: `.to({dtype})`"
        )
    return numbers


def _factors(trace: Trace, operand: str, scale: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """The power of two of each group of 32 numbers, once for each of them."""
    rows, inner = trace.sizes_of(values)
    sizes = trace.sizes_of(scale)
    if len(sizes) != 2 or sizes[0] != rows or sizes[1] * _GROUP != inner:
        raise exc.ShapeMismatch(
            span=here(),
            operation="hl.dot_scaled",
            reason=f"the scales of {operand} are {trace.describe(scale)}, for numbers of "
            f"{trace.describe(values)}; each 32 share one",
        )
    if scale.dtype is not torch.uint8:
        raise _wrong(operand, f"scales are bytes, not {scale.dtype}", "give them as torch.uint8")
    exponent = scale.to(torch.float32) - _BIAS
    powers = torch.where(scale == _NOT_A_NUMBER, float("nan"), torch.exp2(exponent))
    spread = powers.unsqueeze(2).expand(*scale.shape, _GROUP)
    return spread.reshape(values.shape)


def _wrong(operand: str, problem: str, remedy: str) -> exc.InvalidAPIUsage:
    return exc.InvalidAPIUsage(
        span=here(), function="dot_scaled", problem=f"{operand}: {problem}", remedy=remedy
    )
