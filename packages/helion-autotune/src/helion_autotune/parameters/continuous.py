"""Parameters that are real numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import attrs

from helion_autotune.parameters.parameter import check_default

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np

    from helion_autotune.json_values import JsonValue

#: A Float tells about this many values apart; finer steps are noise to a tuner and would defeat deduplication.
_DIGITS = 6


@attrs.frozen
class Float:
    """A number from ``low`` to ``high``; ``log=True`` means factors count, not differences (then ``low`` > 0).

    Values are rounded to six significant digits (``log``) or to about a millionth of the range.
    """

    low: float = attrs.field(converter=float)
    high: float = attrs.field(converter=float)
    log: bool = False
    default: float = attrs.field(converter=float, kw_only=True)

    @default.default
    def _lowest(self) -> float:
        return self.low

    def __attrs_post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low <= self.high):
            raise ValueError(
                f"{self!r} is empty or endless: low and high must be finite, low <= high"
            )
        if self.log and self.low <= 0:
            raise ValueError(f"{self!r}: a logarithmic range must start above 0")
        check_default(self, self.default)

    @property
    def width(self) -> int:
        """One coordinate, or none when there is one value."""
        return int(self.low < self.high)

    @property
    def cardinality(self) -> float:
        """``inf``, or 1 for one value."""
        return math.inf if self.low < self.high else 1

    def values(self) -> Iterator[JsonValue]:
        """Raises TypeError, but for a range of one value."""
        if self.low < self.high:
            raise TypeError(f"the values of {self!r} cannot be listed")
        return iter((self.low,))

    def problem(self, value: JsonValue) -> str | None:
        """Why ``value`` does not fit, or None."""
        number = isinstance(value, int | float) and not isinstance(value, bool)
        fits = number and self.low <= value <= self.high
        return None if fits else f"{value!r} is not a number from {self.low} to {self.high}"

    def sample(self, rng: np.random.Generator) -> float:
        """Uniform in the range, or in its logarithm."""
        return self.decode((float(rng.random()),))

    def neighbours(self, value: JsonValue) -> list[JsonValue]:
        """A large and a small step either way: a tenth and a hundredth of the range."""
        if not self.width:
            return []
        (here,) = self.encode(value)
        near = [self.decode((here + step,)) for step in (-0.1, -0.01, 0.01, 0.1)]
        return [other for other in dict.fromkeys(near) if other != value]

    def distance(self, a: JsonValue, b: JsonValue) -> float:
        """The difference of the coordinates."""
        return abs(self.encode(a)[0] - self.encode(b)[0]) if self.width else 0.0

    def encode(self, value: JsonValue) -> tuple[float, ...]:
        """The place in the range, or in its logarithm."""
        if not self.width:
            return ()
        if self.log:
            return (math.log(value / self.low) / math.log(self.high / self.low),)
        return ((value - self.low) / (self.high - self.low),)

    def decode(self, coordinates: Sequence[float]) -> float:
        """The rounded value at this place."""
        if not self.width:
            return self.low
        place = min(max(float(coordinates[0]), 0.0), 1.0)
        if self.log:
            value = float(f"{self.low * (self.high / self.low) ** place:.{_DIGITS}g}")
        else:
            span = self.high - self.low
            value = round(self.low + span * place, _DIGITS - math.floor(math.log10(span)))
        return min(max(value, self.low), self.high)

    def describe(self) -> dict[str, Any]:
        """The declaration as JSON."""
        return {
            "kind": "float", "low": self.low, "high": self.high, "log": self.log, "default": self.default,
        }  # fmt: skip
