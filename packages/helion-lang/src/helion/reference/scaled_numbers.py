"""What the operands of a scaled product stand for, by the OCP microscaling formats (MX) v1.0.

Comes in: bytes or small floats with the inner dimension last, and a byte of scale for every 32 of them. Goes out: the
numbers themselves.
"""

from __future__ import annotations

import torch

from helion.exc import InvalidAPIUsage, ShapeMismatch

_GROUP = 32
_BIAS = 127
_NOT_A_NUMBER = 255
_E2M1 = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
_DTYPES = {
    "e4m3": torch.float8_e4m3fn,
    "e5m2": torch.float8_e5m2,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}


def decoded(
    operand: str, numbers: torch.Tensor, scale: torch.Tensor | None, form: str
) -> torch.Tensor:
    """``numbers`` times their scales, in float32 or wider.

    Args:
        operand: its name, for errors.
        numbers: ``[rows, k]``, or ``[rows, k / 2]`` bytes for "e2m1".
        scale: ``[rows, k / 32]`` bytes, or None.
        form: "e2m1", "e4m3", "e5m2", "bf16" or "fp16".

    Raises:
        InvalidAPIUsage: the format is unknown, or does not go with the dtype.
        ShapeMismatch: there is no scale for each group of 32.
    """
    values = _e2m1(operand, numbers) if form == "e2m1" else _floats(operand, numbers, form)
    if scale is None:
        return values
    rows, inner = values.shape
    if inner % _GROUP or tuple(scale.shape) != (rows, inner // _GROUP):
        raise ShapeMismatch(
            operation="hl.dot_scaled",
            reason=f"the scales of {operand} are {list(scale.shape)}, where [{rows}, {inner} / 32] are needed",
        )
    if scale.dtype is not torch.uint8:
        raise _wrong(operand, f"scales are bytes, not {scale.dtype}", "give them as torch.uint8")
    powers = torch.exp2(scale.double() - _BIAS)
    powers = powers.masked_fill(scale == _NOT_A_NUMBER, float("nan"))
    return values.double() * powers.repeat_interleave(_GROUP, dim=1)


def _e2m1(operand: str, numbers: torch.Tensor) -> torch.Tensor:
    if numbers.dtype is not torch.uint8:
        raise _wrong(operand, f"e2m1 comes in bytes, not {numbers.dtype}", "pack two in a byte")
    table = torch.tensor([*_E2M1, *(-one for one in _E2M1)], device=numbers.device)
    pairs = torch.stack([numbers & 15, numbers >> 4], dim=-1)
    return table[pairs.long()].flatten(-2)


def _floats(operand: str, numbers: torch.Tensor, form: str) -> torch.Tensor:
    dtype = _DTYPES.get(form)
    if dtype is None:
        known = ", ".join(("e2m1", *_DTYPES))
        raise _wrong(operand, f"{form!r} is no format", f"use one of {known}")
    if numbers.dtype is torch.uint8 and dtype.itemsize == 1:
        return numbers.contiguous().view(dtype).float()
    if numbers.dtype not in (dtype, torch.float64):
        raise _wrong(
            operand, f"format {form!r} is {dtype}, not {numbers.dtype}", f"cast it: `.to({dtype})`"
        )
    return numbers if numbers.dtype is torch.float64 else numbers.float()


def _wrong(operand: str, problem: str, remedy: str) -> InvalidAPIUsage:
    return InvalidAPIUsage(function="dot_scaled", problem=f"{operand}: {problem}", remedy=remedy)
