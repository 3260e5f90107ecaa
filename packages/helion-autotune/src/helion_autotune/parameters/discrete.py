"""Parameters with values in a row: powers of two, integers, choices, booleans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from helion_autotune.json_values import JsonValue, canonical_text, freeze, thaw
from helion_autotune.parameters.parameter import cell_of, check_default, is_integer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np


class _Ordered:
    """Values in a row, told by their index: subclasses say which value stands where."""

    @property
    def count(self) -> int:
        raise NotImplementedError

    def at(self, index: int) -> JsonValue:
        raise NotImplementedError

    def index(self, value: JsonValue) -> int:
        raise NotImplementedError

    @property
    def width(self) -> int:
        return 0 if self.count == 1 else 1

    @property
    def cardinality(self) -> float:
        return self.count

    def values(self) -> Iterator[JsonValue]:
        return (self.at(index) for index in range(self.count))

    def sample(self, rng: np.random.Generator) -> JsonValue:
        return self.at(int(rng.integers(self.count)))

    def neighbours(self, value: JsonValue) -> list[JsonValue]:
        here = self.index(value)
        return [self.at(index) for index in (here - 1, here + 1) if 0 <= index < self.count]

    def distance(self, a: JsonValue, b: JsonValue) -> float:
        return abs(self.index(a) - self.index(b)) / max(self.count - 1, 1)

    def encode(self, value: JsonValue) -> tuple[float, ...]:
        return ((self.index(value) + 0.5) / self.count,) if self.width else ()

    def decode(self, coordinates: Sequence[float]) -> JsonValue:
        return self.at(cell_of(coordinates[0], self.count) if self.width else 0)


def _power_of_two(_: Any, attribute: attrs.Attribute[int], value: int) -> None:
    if not is_integer(value) or value < 1 or value & (value - 1):
        raise ValueError(f"{attribute.name} must be a power of two, got {value!r}")


@attrs.frozen
class PowerOfTwo(_Ordered):
    """The powers of two from ``low`` to ``high``, both included and both powers of two; a step is a factor of two."""

    low: int = attrs.field(validator=_power_of_two)
    high: int = attrs.field(validator=_power_of_two)
    default: int = attrs.field(kw_only=True)

    @default.default
    def _lowest(self) -> int:
        return self.low

    def __attrs_post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"{self!r} is empty: low is above high")
        check_default(self, self.default)

    @property
    def count(self) -> int:
        """How many values there are."""
        return self.high.bit_length() - self.low.bit_length() + 1

    def at(self, index: int) -> int:
        """The value at this place."""
        return self.low << index

    def index(self, value: JsonValue) -> int:
        """The place of this value."""
        return int(value).bit_length() - self.low.bit_length()

    def problem(self, value: JsonValue) -> str | None:
        """Why ``value`` does not fit, or None."""
        fits = is_integer(value) and self.low <= value <= self.high and not value & (value - 1)
        return None if fits else f"{value!r} is not a power of two from {self.low} to {self.high}"

    def describe(self) -> dict[str, Any]:
        """The declaration as JSON."""
        return {"kind": "power_of_two", "low": self.low, "high": self.high, "default": self.default}


@attrs.frozen
class Integer(_Ordered):
    """The integers from ``low`` to ``high``, both included."""

    low: int
    high: int
    default: int = attrs.field(kw_only=True)

    @default.default
    def _lowest(self) -> int:
        return self.low

    def __attrs_post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"{self!r} is empty: low is above high")
        check_default(self, self.default)

    @property
    def count(self) -> int:
        """How many values there are."""
        return self.high - self.low + 1

    def at(self, index: int) -> int:
        """The value at this place."""
        return self.low + index

    def index(self, value: JsonValue) -> int:
        """The place of this value."""
        return int(value) - self.low

    def problem(self, value: JsonValue) -> str | None:
        """Why ``value`` does not fit, or None."""
        fits = is_integer(value) and self.low <= value <= self.high
        return None if fits else f"{value!r} is not an integer from {self.low} to {self.high}"

    def describe(self) -> dict[str, Any]:
        """The declaration as JSON."""
        return {"kind": "integer", "low": self.low, "high": self.high, "default": self.default}


def _frozen_values(values: Sequence[Any]) -> tuple[JsonValue, ...]:
    return tuple(freeze(value) for value in values)


@attrs.frozen
class Choice(_Ordered):
    """One of ``values`` (JSON values, all different). They have no order: every other value is a step away."""

    values_: tuple[JsonValue, ...] = attrs.field(converter=_frozen_values, alias="values")
    default: JsonValue = attrs.field(converter=freeze, kw_only=True)
    _places: dict[str, int] = attrs.field(init=False, eq=False, repr=False)

    @default.default
    def _first(self) -> JsonValue:
        return self.values_[0] if self.values_ else None

    def __attrs_post_init__(self) -> None:
        if not self.values_:
            raise ValueError("a Choice needs at least one value")
        places = {canonical_text(value): place for place, value in enumerate(self.values_)}
        if len(places) < len(self.values_):
            raise ValueError(f"{self!r} lists a value twice")
        object.__setattr__(self, "_places", places)
        check_default(self, self.default)

    @property
    def count(self) -> int:
        """How many values there are."""
        return len(self.values_)

    def at(self, index: int) -> JsonValue:
        """The value at this place."""
        return self.values_[index]

    def index(self, value: JsonValue) -> int:
        """The place of this value."""
        return self._places[canonical_text(value)]

    def problem(self, value: JsonValue) -> str | None:
        """Why ``value`` does not fit, or None."""
        if canonical_text(value) in self._places:
            return None
        return f"{thaw(value)!r} is none of {', '.join(map(repr, thaw(self.values_)))}"

    def neighbours(self, value: JsonValue) -> list[JsonValue]:
        """All other values."""
        here = self.index(value)
        return [other for place, other in enumerate(self.values_) if place != here]

    def distance(self, a: JsonValue, b: JsonValue) -> float:
        """0 for the same value, else 1."""
        return float(self.index(a) != self.index(b))

    def describe(self) -> dict[str, Any]:
        """The declaration as JSON."""
        return {"kind": "choice", "values": thaw(self.values_), "default": thaw(self.default)}


@attrs.frozen
class Boolean(_Ordered):
    """False or True."""

    default: bool = attrs.field(default=False, kw_only=True)

    def __attrs_post_init__(self) -> None:
        check_default(self, self.default)

    @property
    def count(self) -> int:
        """Two."""
        return 2

    def at(self, index: int) -> bool:
        """False, then True."""
        return bool(index)

    def index(self, value: JsonValue) -> int:
        """0 for False, 1 for True."""
        return int(value)

    def problem(self, value: JsonValue) -> str | None:
        """Why ``value`` does not fit, or None."""
        return None if isinstance(value, bool) else f"{value!r} is neither true nor false"

    def describe(self) -> dict[str, Any]:
        """The declaration as JSON."""
        return {"kind": "boolean", "default": self.default}
