"""How many instructions an operator takes for each lane.

Counted in SASS for sm_90 (Triton 3.6, float32), by the way that ordinary numbers take where lanes may branch; other
GPUs are near enough. What is not listed takes one: additions, products, comparisons, selections, and most
conversions.
"""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING

import torch

from helion_compiler.program.types import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from helion_compiler.program.ops import Pointwise

_DIVISION = 8.0
_BY_SHARED = 3.0
"""A division of lanes by a number that they share: its reciprocal is taken once."""
_POWER = 60.0
_ROUNDED: Mapping[str, float] = MappingProxyType({"exp": 4.0, "silu": 6.0})
"""Those of which few digits are seen: an exponential is a product, and one of a unit that does 16 lanes a cycle."""
_CONVERTED = 4.5
"""A conversion of an integer to bfloat16 or float16: one of a unit that does 16 lanes a cycle, and to put two in a
register.
"""
_CONVERTED_BY_BITS = 2.0
"""The same where arithmetic on bits does: two additions of two lanes each, and to put integers side by side."""

INSTRUCTIONS: Mapping[str, float] = MappingProxyType(
    {
        "acos": 17.0,
        "acosh": 40.0,
        "asin": 19.0,
        "asinh": 50.0,
        "atan": 35.0,
        "atan2": 60.0,
        "atanh": 40.0,
        "cos": 30.0,
        "cosh": 20.0,
        "erf": 25.0,
        "erfc": 50.0,
        "erfinv": 40.0,
        "exp": 6.0,  # 9 by itself, 2 in the loop of a maximum
        "exp2": 6.0,  # one, of a unit that does 16 lanes a cycle where others do 128
        "expm1": 26.0,
        "floor_divide": 40.0,
        "fmod": 30.0,
        "gelu": 20.0,
        "hypot": 16.0,
        "lgamma": 100.0,
        "log": 20.0,
        "log10": 29.0,
        "log1p": 30.0,
        "log2": 30.0,
        "logaddexp": 45.0,
        "mish": 50.0,
        "reciprocal": 8.0,
        "remainder": 40.0,
        "sigmoid": 5.0,
        "silu": 10.0,
        "sin": 30.0,
        "sinh": 25.0,
        "softplus": 40.0,
        "sqrt": 10.0,
        "tan": 40.0,
        "tanh": 14.0,
        "xlogy": 25.0,
    }
)
"""By the operator's name, without its overload."""


def instructions_of(op: Pointwise) -> float:
    """The instructions of each lane of the result."""
    name = op.operator.overloadpacket.__name__
    special = _BY_OPERANDS.get(name)
    return INSTRUCTIONS.get(name, 1.0) if special is None else special(op)


def _of_division(op: Pointwise) -> float:
    divisor = op.args[1]
    if not isinstance(divisor, Value):
        return 1.0  # a product with the constant's reciprocal
    return _DIVISION if divisor.type.shape == op.result.type.shape else _BY_SHARED


def _of_power(op: Pointwise) -> float:
    exponent = op.args[1]
    if isinstance(exponent, int):
        return max(math.log2(abs(exponent) + 1), 1.0)
    return _POWER


def _of_exponential(op: Pointwise) -> float:
    return (_ROUNDED if op.rounded else INSTRUCTIONS)[op.operator.overloadpacket.__name__]


def _of_conversion(op: Pointwise) -> float:
    operand, made = op.args[0], op.result.type.dtype
    source = operand.type.dtype if isinstance(operand, Value) else made
    if source.is_floating_point or source is torch.bool or made not in _HALVES:
        return 1.0
    by_bits = op.between is not None or (source, made) == (torch.int8, torch.bfloat16)
    return _CONVERTED_BY_BITS if by_bits else _CONVERTED


_HALVES = (torch.bfloat16, torch.float16)
_BY_OPERANDS: Mapping[str, Callable[[Pointwise], float]] = MappingProxyType(
    {
        "convert_element_type": _of_conversion,
        "div": _of_division,
        "exp": _of_exponential,
        "pow": _of_power,
        "silu": _of_exponential,
    }
)
"""Where what an operator takes depends on its operands, or on what becomes of its result."""
