"""What the writer of programs knows about a value: its dimensions, its range, and how inexact it may be.

A program is only worth running if right answers can be told from wrong ones. So each value carries an interval and
a bound on its error: numbers that dtypes hold exactly have none, and only those decide anything (conditions,
indices, places of maxima). What the bound allows is what a result may be off by.
"""

from __future__ import annotations

import attrs
import torch

LARGEST = 1e4
"""Floats stay below this, so that float16 holds them."""

_DIGITS = {torch.float64: 52, torch.float32: 23, torch.float16: 10, torch.bfloat16: 7}
FLOATS = tuple(_DIGITS)
INTEGERS = (torch.int8, torch.uint8, torch.int16, torch.int32, torch.int64)


class RejectedError(Exception):
    """A draft of an expression whose value would say nothing, or does not exist."""


@attrs.frozen(eq=False)
class Dim:
    """One dimension of values: of a tile, or of known size."""

    name: str
    """The tile's name, or the size as text."""
    size: int
    """How many indices the loop covers in all; of a jagged dimension, the most that a lane has."""
    tile: bool = False
    begin: int = 0
    parent: Dim | None = None
    """The dimension whose lanes give a jagged dimension its ends."""
    ends: str = ""
    at: int | str = 0
    """Where among the known indices this dimension starts, if its loop's bounds are computed."""
    data: bool = False
    """Whether the loop's bounds are read from a tensor."""

    @property
    def end(self) -> int:
        """One past the last position."""
        return self.begin + self.size


Dims = tuple[Dim, ...]


@attrs.frozen(eq=False)
class Value:
    """An expression of the program."""

    text: str
    dtype: torch.dtype
    dims: Dims
    low: float
    high: float
    error: float = 0.0
    grain: float = 1.0
    """All values are multiples of it; 0 where that is not known."""

    @property
    def bound(self) -> float:
        """The greatest magnitude."""
        return max(abs(self.low), abs(self.high))

    @property
    def exact(self) -> bool:
        """Whether the compiled kernel has to get the same number to the last bit."""
        return self.error == 0

    @property
    def integral(self) -> bool:
        """Whether the numbers are integers, whatever the dtype."""
        return self.exact and self.grain >= 1


def epsilon(dtype: torch.dtype) -> float:
    """The relative error of one rounding, with room for functions that are not rounded correctly."""
    return 2.0 ** (1 - _DIGITS[dtype])


def holds(dtype: torch.dtype, bound: float, grain: float) -> bool:
    """Whether multiples of ``grain`` up to ``bound`` are numbers of ``dtype``."""
    return grain > 0 and bound / grain <= 2.0 ** _DIGITS[dtype]


def made(
    text: str,
    dtype: torch.dtype,
    dims: Dims,
    interval: tuple[float, float],
    *,
    error: float = 0.0,
    grain: float = 0.0,
) -> Value:
    """A value that was just computed: rounded to ``dtype``, unless the dtype holds it.

    Raises:
        RejectedError: it may overflow, or be mostly error.
    """
    low, high = interval
    bound = max(abs(low), abs(high))
    if dtype is torch.bool:
        if error:
            raise RejectedError
        return Value(text, dtype, dims, 0, 1, 0.0, 1.0)
    if not dtype.is_floating_point:
        limits = torch.iinfo(dtype)
        if error or low < limits.min or high > limits.max or bound > 2**30:
            raise RejectedError
        return Value(text, dtype, dims, low, high, 0.0, max(grain, 1.0))
    if bound > LARGEST:
        raise RejectedError
    if error or not holds(dtype, bound, grain):
        error += epsilon(dtype) * bound + 1e-6 * (dtype is torch.float16)
        grain = 0.0
    if error > 0.05 * max(bound, 1e-3):
        raise RejectedError
    return Value(text, dtype, dims, low, high, error, grain)


def common_dtype(*operands: Value | int | float) -> torch.dtype:
    """What torch makes of these operands together."""
    stand_ins = [
        torch.empty((1,) * len(one.dims), dtype=one.dtype) if isinstance(one, Value) else one
        for one in operands
    ]
    first, *rest = stand_ins
    if not rest:
        assert isinstance(first, torch.Tensor)
        return first.dtype
    result = torch.result_type(first, rest[0])
    if len(rest) > 1:
        raise NotImplementedError
    return result
