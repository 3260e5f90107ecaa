"""Python's numbers have no limits, those of tensors do: what fits is converted, and what does not is refused."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from helion import exc
from helion_compiler.tracing.location import here

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHOWN_BITS = 128
_INT64 = torch.iinfo(torch.int64)


def converted(number: float, dtype: torch.dtype) -> bool | int | float:
    """``number`` as an element of ``dtype``, as ``torch.full`` has it: fractions are cut off for integers, and negative
    numbers wrap around for unsigned ones.

    Raises:
        helion.exc.NumberOutOfRange: it does not fit.
    """
    if dtype is torch.bool:
        return bool(number)
    if dtype.is_floating_point:
        try:
            value = float(number)
        except OverflowError:
            raise _out_of_range(number, dtype) from None
        if torch.finfo(dtype).max < abs(value) < math.inf:
            raise _out_of_range(number, dtype)
        return value
    if isinstance(number, float) and not math.isfinite(number):
        raise _out_of_range(number, dtype)
    whole, limits = int(number), torch.iinfo(dtype)
    least = -limits.max if limits.min == 0 else limits.min
    if not least <= whole <= limits.max:
        raise _out_of_range(number, dtype)
    return whole % (limits.max + 1) if limits.min == 0 else whole


def refuse_large(values: Iterable[Any]) -> None:
    """Refuse integers among ``values`` that torch has no dtype for.

    Raises:
        helion.exc.NumberOutOfRange: there is one.
    """
    for value in values:
        if type(value) is int and not _INT64.min <= value <= _INT64.max:
            raise _out_of_range(value, torch.int64)


def _out_of_range(number: float, dtype: torch.dtype) -> exc.NumberOutOfRange:
    name = str(dtype).removeprefix("torch.")
    if dtype.is_floating_point:
        remedy = f"the largest finite {name} is {torch.finfo(dtype).max:g}"
    else:
        limits = torch.iinfo(dtype)
        remedy = f"{name} holds integers from {limits.min} to {limits.max}"
    return exc.NumberOutOfRange(span=here(), number=_shown(number), dtype=name, remedy=remedy)


def _shown(number: float) -> str:
    """A number for people; Python refuses to write down very long ones."""
    if isinstance(number, int) and number.bit_length() > _SHOWN_BITS:
        return f"an integer of {number.bit_length()} bits"
    return str(number)
