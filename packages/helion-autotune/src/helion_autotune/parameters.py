"""The kinds of parameter a space may declare.

Each kind knows its values and four views of them: a random one, the ones a step away, how far two are
apart (0 to 1), and coordinates in [0, 1] for solvers that think in vectors. ``decode(encode(value)) == value``
for every value that ``sample`` and ``decode`` return; a kind of one value has no coordinates, so no solver
wastes a dimension on it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from helion_autotune.json_values import JsonValue, canonical_text, freeze, thaw

if TYPE_CHECKING:
    import numpy as np


class Parameter(Protocol):
    """What a space asks of a parameter; all six kinds of this module are one, and so may be yours."""

    @property
    def default(self) -> JsonValue:
        """The value when nobody chose, and while the parameter is inactive."""

    @property
    def width(self) -> int:
        """How many coordinates ``encode`` gives."""

    @property
    def cardinality(self) -> float:
        """How many values there are; ``inf`` for a continuous parameter."""

    def values(self) -> Iterator[JsonValue]:
        """Every value, in order; raises TypeError where there is no end of them."""

    def problem(self, value: JsonValue) -> str | None:
        """Why ``value`` is none of this parameter's, or None when it is one."""

    def sample(self, rng: np.random.Generator) -> JsonValue:
        """A uniformly random value."""

    def neighbours(self, value: JsonValue) -> list[JsonValue]:
        """The values one step away from ``value``."""

    def distance(self, a: JsonValue, b: JsonValue) -> float:
        """How far apart two values are, from 0 (equal) to 1."""

    def encode(self, value: JsonValue) -> tuple[float, ...]:
        """Coordinates of ``value`` in [0, 1]."""

    def decode(self, coordinates: Sequence[float]) -> JsonValue:
        """The value nearest to these coordinates; anything outside [0, 1] is clipped."""

    def describe(self) -> dict[str, Any]:
        """The declaration as JSON, for the space's fingerprint."""


def _index_of(coordinate: float, count: int) -> int:
    """The cell of [0, 1], cut in ``count`` equal cells, that holds ``coordinate``."""
    return min(max(int(coordinate * count), 0), count - 1)


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
        return self.at(_index_of(coordinates[0], self.count) if self.width else 0)


def _check_default(parameter: Parameter, default: JsonValue) -> None:
    problem = parameter.problem(default)
    if problem is not None:
        raise ValueError(f"the default of {parameter!r} is none of its values: {problem}")


def _is_integer(value: JsonValue) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _power_of_two(_: Any, attribute: attrs.Attribute[int], value: int) -> None:
    if not _is_integer(value) or value < 1 or value & (value - 1):
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
        _check_default(self, self.default)

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
        fits = _is_integer(value) and self.low <= value <= self.high and not value & (value - 1)
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
        _check_default(self, self.default)

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
        fits = _is_integer(value) and self.low <= value <= self.high
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
        _check_default(self, self.default)

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
        _check_default(self, self.default)

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
        _check_default(self, self.default)

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


@attrs.frozen
class Permutation:
    """An order of ``n`` things: a permutation of 0 … n-1.

    Coordinates are the digits of its Lehmer code (D. H. Lehmer, "Teaching combinatorial tricks to a computer", 1960):
    n-1 of them, each permutation one box of equal volume.
    """

    n: int
    default: tuple[int, ...] = attrs.field(converter=freeze, kw_only=True)

    @default.default
    def _identity(self) -> tuple[int, ...]:
        return tuple(range(self.n))

    def __attrs_post_init__(self) -> None:
        if self.n < 1:
            raise ValueError(f"a Permutation orders at least one thing, got n={self.n}")
        _check_default(self, self.default)

    @property
    def width(self) -> int:
        """n - 1: the last place is no choice."""
        return self.n - 1

    @property
    def cardinality(self) -> float:
        """N factorial."""
        return math.factorial(self.n)

    def values(self) -> Iterator[JsonValue]:
        """In lexicographic order."""
        return itertools.permutations(range(self.n))

    def problem(self, value: JsonValue) -> str | None:
        """Why ``value`` does not fit, or None."""
        fits = (
            isinstance(value, tuple)
            and all(map(_is_integer, value))
            and sorted(value) == list(range(self.n))
        )
        return None if fits else f"{thaw(value)!r} is not a permutation of 0 … {self.n - 1}"

    def sample(self, rng: np.random.Generator) -> JsonValue:
        """Uniform."""
        return tuple(int(item) for item in rng.permutation(self.n))

    def neighbours(self, value: JsonValue) -> list[JsonValue]:
        """All exchanges of two places."""
        exchanged = []
        for i, j in itertools.combinations(range(self.n), 2):
            order = list(value)
            order[i], order[j] = order[j], order[i]
            exchanged.append(tuple(order))
        return exchanged

    def distance(self, a: JsonValue, b: JsonValue) -> float:
        """The share of pairs that stand in another order (Kendall's tau)."""
        pairs = list(itertools.combinations(range(self.n), 2))
        apart = sum((a.index(i) < a.index(j)) != (b.index(i) < b.index(j)) for i, j in pairs)
        return apart / max(len(pairs), 1)

    def encode(self, value: JsonValue) -> tuple[float, ...]:
        """For each place: which of the things left stands there."""
        left = list(range(self.n))
        coordinates = []
        for item in value[:-1]:
            coordinates.append((left.index(item) + 0.5) / len(left))
            left.remove(item)
        return tuple(coordinates)

    def decode(self, coordinates: Sequence[float]) -> JsonValue:
        """The permutation whose box holds these coordinates."""
        left = list(range(self.n))
        order = [left.pop(_index_of(place, len(left))) for place in coordinates]
        return (*order, *left)

    def describe(self) -> dict[str, Any]:
        """The declaration as JSON."""
        return {"kind": "permutation", "n": self.n, "default": list(self.default)}


@attrs.frozen
class ListOf:
    """A list of ``n`` values of one parameter, each free of the others."""

    parameter: Parameter
    n: int
    default: tuple[JsonValue, ...] = attrs.field(converter=freeze, kw_only=True)

    @default.default
    def _defaults(self) -> tuple[JsonValue, ...]:
        return (self.parameter.default,) * self.n

    def __attrs_post_init__(self) -> None:
        if self.n < 0:
            raise ValueError(f"a ListOf has no negative length, got n={self.n}")
        _check_default(self, self.default)

    @property
    def width(self) -> int:
        """The entries' coordinates, one after the other."""
        return self.n * self.parameter.width

    @property
    def cardinality(self) -> float:
        """The entries' to the power of n."""
        return self.parameter.cardinality**self.n

    def values(self) -> Iterator[JsonValue]:
        """The last entry changes fastest."""
        return itertools.product(*(self.parameter.values() for _ in range(self.n)))

    def problem(self, value: JsonValue) -> str | None:
        """Why ``value`` does not fit, or None."""
        if not isinstance(value, tuple) or len(value) != self.n:
            return f"{thaw(value)!r} is not a list of {self.n} values"
        for place, item in enumerate(value):
            problem = self.parameter.problem(item)
            if problem is not None:
                return f"entry {place}: {problem}"
        return None

    def sample(self, rng: np.random.Generator) -> JsonValue:
        """Each entry on its own."""
        return tuple(self.parameter.sample(rng) for _ in range(self.n))

    def neighbours(self, value: JsonValue) -> list[JsonValue]:
        """One entry a step away."""
        return [
            (*value[:place], other, *value[place + 1 :])
            for place in range(self.n)
            for other in self.parameter.neighbours(value[place])
        ]

    def distance(self, a: JsonValue, b: JsonValue) -> float:
        """The mean over the entries."""
        return sum(map(self.parameter.distance, a, b)) / max(self.n, 1)

    def encode(self, value: JsonValue) -> tuple[float, ...]:
        """The entries' coordinates, one after the other."""
        return tuple(itertools.chain.from_iterable(map(self.parameter.encode, value)))

    def decode(self, coordinates: Sequence[float]) -> JsonValue:
        """Each entry from its own coordinates."""
        width = self.parameter.width
        return tuple(
            self.parameter.decode(coordinates[place * width : (place + 1) * width])
            for place in range(self.n)
        )

    def describe(self) -> dict[str, Any]:
        """The declaration as JSON."""
        return {
            "kind": "list_of", "of": self.parameter.describe(), "n": self.n, "default": thaw(self.default),
        }  # fmt: skip
