"""Integers that the device computes, as the numbers that bounds and positions take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion_compiler.program.ops import Number
from helion_compiler.tracing.location import location

if TYPE_CHECKING:
    from helion_compiler.tracing.state import Trace


def is_device_integer(trace: Trace, value: object) -> bool:
    """Whether a value is one integer that the device computes."""
    if not isinstance(value, torch.Tensor) or value.ndim != 0 or not trace.is_value(value):
        return False
    return not (value.is_floating_point() or value.is_complex())


def as_number(trace: Trace, value: Any) -> Any:
    """``value`` itself, or the SymInt that stands for what a device integer holds."""
    if not is_device_integer(trace, value):
        return value
    if value.dtype is torch.bool:
        value = value.to(torch.int32)
    number = trace.symbols.offset_symbol()
    trace.body.append(
        Number(
            symbol=trace.symbols.expression(number),
            operand=trace.value_of(value),
            location=location(),
        )
    )
    return number
