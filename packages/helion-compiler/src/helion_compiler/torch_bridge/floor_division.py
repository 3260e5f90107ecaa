"""Floor division of floating-point numbers as eager mode computes it.

TorchInductor rounds the quotient and takes its floor, which gives 10 for `1.0 // 0.1`, where torch,
like Python, gives 9. In: the arguments of the division operators. Out: ordinary operators, to trace.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["FLOOR_DIVISION"]

aten = torch.ops.aten


def _divide(a: Any, b: Any, *, rounding_mode: str | None) -> Any:
    """A decomposition for floats rounded down; everything else is left to TorchInductor."""
    dtype = torch.result_type(a, b)
    if rounding_mode != "floor" or not dtype.is_floating_point:
        return NotImplemented
    tile = a if isinstance(a, torch.Tensor) else b
    return _floor_quotient(_as_tile(a, tile, dtype), _as_tile(b, tile, dtype))


def _floor_divide(a: Any, b: Any) -> Any:
    """The same; integers are divided by the operator that TorchInductor has a lowering for."""
    quotient = _divide(a, b, rounding_mode="floor")
    if quotient is not NotImplemented:
        return quotient
    operator = aten.div.Tensor_mode if isinstance(b, torch.Tensor) else aten.div.Scalar_mode
    return operator(a, b, rounding_mode="floor")


def _as_tile(value: Any, tile: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    if isinstance(value, torch.Tensor):
        return value.to(dtype)
    return torch.full_like(tile, value, dtype=dtype)


def _floor_quotient(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """CPython's algorithm (`float_divmod`), exact but for the last rounding.

    `(a - fmod(a, b)) / b` is within rounding of a whole number, one above the answer where the
    remainder and the divisor differ in sign.
    """
    remainder = torch.fmod(a, b)
    quotient = (a - remainder) / b
    signs_differ = (b < 0) != (remainder < 0)
    quotient = torch.where((remainder != 0) & signs_differ, quotient - 1, quotient)
    whole = torch.floor(quotient)
    whole = torch.where(quotient - whole > 0.5, whole + 1, whole)
    plain = a / b
    whole = torch.where(quotient == 0, torch.copysign(torch.zeros_like(plain), plain), whole)
    return torch.where(b == 0, plain, whole)


FLOOR_DIVISION: Mapping[torch._ops.OpOverload, Callable[..., Any]] = MappingProxyType(
    {
        aten.div.Tensor_mode: _divide,
        aten.div.Scalar_mode: _divide,
        aten.floor_divide.default: _floor_divide,
        aten.floor_divide.Scalar: _floor_divide,
    }
)
"""Decompositions of the operators that can divide and round down."""
