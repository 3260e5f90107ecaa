"""Parameters whose values have entries: permutations, and lists of another parameter's values."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import attrs

from helion_autotune.json_values import JsonValue, freeze, thaw
from helion_autotune.parameters.parameter import Parameter, cell_of, check_default, is_integer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np


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
        check_default(self, self.default)

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
            and all(map(is_integer, value))
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
        return float(apart / max(len(pairs), 1))

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
        order = [left.pop(cell_of(place, len(left))) for place in coordinates]
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
        check_default(self, self.default)

    @property
    def width(self) -> int:
        """The entries' coordinates, one after the other."""
        return self.n * self.parameter.width

    @property
    def cardinality(self) -> float:
        """The entries' to the power of n."""
        return math.prod([self.parameter.cardinality] * self.n)

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
