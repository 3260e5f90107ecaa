"""A landscape: a space, a formula for the time of each of its points, and another, simpler one to start from.

What real spaces of kernels are like is built in: many powers of two that depend on each other, choices that multiply
the time by an unknown factor, pairs of choices that help or hurt only together, a share of points that do not run,
roughness of a percent from point to point, and a model that knows the formula but not these factors, whose favourites
are seeds.
"""

from __future__ import annotations

import hashlib
import math
from functools import cached_property
from typing import TYPE_CHECKING

import attrs
import numpy as np

from helion_autotune import PowerOfTwo, Status, Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from helion_autotune import Point, Space

#: How rough the time is from point to point, as a standard deviation.
ROUGHNESS = 0.01
#: Starts of the local search that looks for the best point there is.
STARTS = 24
#: Random points of which the slowest is the worst there is.
SAMPLED = 300


class FailsError(Exception):
    """This point does not run."""


@attrs.frozen(eq=False)
class Hidden:
    """What the model does not know, as logarithms that are added to that of the time.

    ``factors`` of single values; ``pairs`` of two values that do something only together; ``bends`` are products of the
    coordinates, from -1 to 1, of two ordered parameters: the model has their interaction wrong.
    """

    factors: Mapping[tuple[str, Any], float]
    pairs: Mapping[tuple[tuple[str, Any], tuple[str, Any]], float]
    bends: Mapping[tuple[str, str], float]

    @classmethod
    def drawn(cls, space: Space, seed: int, *, pairs: int = 6, bends: int = 5) -> Hidden:
        """Most choices hardly matter and a few matter much: one in six values by 8 %, the others by 1 %."""
        rng = np.random.default_rng(seed)
        values = [
            (name, value)
            for name, parameter in space.parameters.items()
            for value in parameter.values()
        ]
        choices = [one for one in values if isinstance(one[1], bool | str) or one[1] is None]
        ordered = [name for name, one in space.parameters.items() if isinstance(one, PowerOfTwo)]
        factors = {
            one: float(rng.normal(0, 0.08 if rng.random() < 1 / 6 else 0.01)) for one in choices
        }
        drawn = [
            tuple(values[int(i)] for i in rng.integers(len(values), size=2)) for _ in range(pairs)
        ]
        crossed = [
            tuple(ordered[int(i)] for i in rng.integers(len(ordered), size=2)) for _ in range(bends)
        ]
        return cls(
            factors,
            {(a, b): float(rng.normal(0, 0.06)) for a, b in drawn if a[0] != b[0]},
            {(a, b): float(rng.normal(0, 0.12)) for a, b in crossed},
        )

    def logarithm(self, space: Space, point: Mapping[str, Any]) -> float:
        """The sum for a point."""
        total = sum(self.factors.get((name, value), 0.0) for name, value in point.items())
        for (first, second), change in self.pairs.items():
            if point[first[0]] == first[1] and point[second[0]] == second[1]:
                total += change
        for (one, other), bend in self.bends.items():
            u, v = (2 * space.parameters[n].encode(point[n])[0] - 1 for n in (one, other))
            total += bend * u * v
        return total


@attrs.frozen(eq=False, slots=False)
class Landscape:
    """See :class:`helion_autotune.replay.Problem`.

    ``formula`` gives milliseconds for a point, or raises FailsError; it is all that the model knows.
    """

    name: str
    space: Space
    formula: Callable[[Mapping[str, Any]], float]
    hidden: Hidden

    def trial(self, point: Point) -> Trial:
        """The trial of a point; the same whenever it is asked for."""
        try:
            return Trial(point, Status.OK, self.milliseconds(point))
        except FailsError as error:
            return Trial(point, Status.COMPILE_ERROR, error=str(error))

    def milliseconds(self, point: Point) -> float:
        """Formula, what is hidden, and roughness; raises FailsError."""
        logarithm = self.hidden.logarithm(self.space, point)
        rough = ROUGHNESS * _normal(f"{self.name} {point.text}")
        return self.formula(point) * math.exp(logarithm + rough)

    @cached_property
    def seeds(self) -> tuple[Point, ...]:
        """The model's favourites: the default improved by its steps in the formula, and what is around that."""
        here = _descended(self.space, self.space.default, self._modelled)
        near = sorted(self.space.neighbours(here), key=self._modelled)
        other = _descended(self.space, self.space.sample(np.random.default_rng(7)), self._modelled)
        return tuple(dict.fromkeys([here, other, *near[:4], self.space.default]))

    @cached_property
    def seeds_best_ms(self) -> float:
        """The time of the best seed."""
        return min(self.trial(seed).value for seed in self.seeds)

    @cached_property
    def best_ms(self) -> float:
        """The time of the best point that local search finds from many starts, the seeds among them."""
        rng = np.random.default_rng(11)
        starts = [*self.seeds, *(self.space.sample(rng) for _ in range(STARTS))]
        ends = {_descended(self.space, start, self._known) for start in starts}
        ends = {
            _descended(self.space, end, self._known, steps=2)
            for end in sorted(ends, key=self._known)[:4]
        }
        return min(map(self._known, ends))

    @cached_property
    def worst_ms(self) -> float:
        """The slowest of some random points."""
        times = map(self._known, self._sampled)
        return max(time for time in times if math.isfinite(time))

    @cached_property
    def failing(self) -> float:
        """The share of random points that fail."""
        return sum(math.isinf(self._known(point)) for point in self._sampled) / len(self._sampled)

    @cached_property
    def _sampled(self) -> list[Point]:
        rng = np.random.default_rng(13)
        return [self.space.sample(rng) for _ in range(SAMPLED)]

    def _known(self, point: Point) -> float:
        return self.trial(point).value

    def _modelled(self, point: Point) -> float:
        try:
            return self.formula(point)
        except FailsError:
            return math.inf


def _descended(
    space: Space, start: Point, value: Callable[[Point], float], *, steps: int = 1
) -> Point:
    """The end of steepest descent from ``start``, by moves of at most ``steps`` steps."""
    here = start
    while True:
        near = space.neighbours(here)
        if steps > 1:
            near = list(
                dict.fromkeys([*near, *(far for one in near for far in space.neighbours(one))])
            )
        best = min(near, key=value, default=here)
        if not value(best) < value(here):
            return here
        here = best


def _normal(text: str) -> float:
    """A standard normal number that depends on ``text`` alone."""
    digest = hashlib.sha256(text.encode()).digest()
    one, two = (int.from_bytes(digest[i : i + 8], "big") / 2**64 for i in (0, 8))
    return math.sqrt(-2 * math.log(max(one, 1e-12))) * math.cos(2 * math.pi * two)
