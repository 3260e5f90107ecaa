"""A search space: named parameters, constraints on whole points, and parameters that are only sometimes active.

In: declarations. Out: points (canonical, so that no two differ only where it does not matter), what is wrong with
a point, random points, neighbours, distances, vectors in [0, 1]^d and back, a size and a fingerprint.
Assumed: predicates are pure. A space is immutable and may be shared by threads.
"""

from __future__ import annotations

import hashlib
import math
from functools import cached_property
from typing import TYPE_CHECKING, Any

import attrs

from helion_autotune.constraints import Condition, Constraint, Predicate, Violation
from helion_autotune.json_values import JsonValue, canonical_text, freeze, thaw
from helion_autotune.point import Point

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from helion_autotune.parameters import Parameter

FINGERPRINT_VERSION = 1
#: Up to this many assignments are counted one by one; above it, sizes are estimated.
COUNTED = 5_000
#: How many random points a size is estimated from.
ESTIMATED_FROM = 2_000
#: How many random points may be refused in a row before a space counts as too tight to draw from.
REFUSALS = 2_000
#: The same where a point is known from which to walk.
REFUSALS_BEFORE_WALKING = 200
#: How often each parameter is drawn anew on such a walk.
SWEEPS = 4


class NoValidPointError(ValueError):
    """No point that satisfies the constraints was found."""


@attrs.frozen
class Size:
    """How many points a space has: ``exact``, or an estimate."""

    count: float
    exact: bool

    def __str__(self) -> str:
        if self.exact:
            return f"{self.count:,.0f}"
        return "endless" if math.isinf(self.count) else f"about {float(f'{self.count:.2g}'):,.0f}"


def _parameters(parameters: Mapping[str, Parameter]) -> dict[str, Parameter]:
    return dict(parameters)


def _constraints(constraints: Iterable[Constraint]) -> tuple[Constraint, ...]:
    return tuple(constraints)


def _conditions(conditions: Mapping[str, Condition | Predicate]) -> dict[str, Condition]:
    return {name: Condition.of(condition) for name, condition in conditions.items()}


@attrs.frozen(eq=False, slots=False)
class Space:
    """Parameters by name, in the order in which conditions may look at them.

    ``conditions[name]`` says when a parameter is active, from those declared before it; inactive, it is fixed to its
    default. ``constraints`` are demands on whole points. ``known`` is a point that satisfies them, for spaces in which
    few do. Raises ValueError for declarations that do not fit together.
    """

    parameters: Mapping[str, Parameter] = attrs.field(converter=_parameters)
    constraints: tuple[Constraint, ...] = attrs.field(default=(), converter=_constraints)
    conditions: Mapping[str, Condition] = attrs.field(factory=dict, converter=_conditions)
    known: Point | None = None

    def __attrs_post_init__(self) -> None:
        if not self.parameters:
            raise ValueError("a Space needs at least one parameter")
        unknown = self.conditions.keys() - self.parameters.keys()
        if unknown:
            raise ValueError(f"conditions on parameters that are not declared: {sorted(unknown)}")
        names = [constraint.name for constraint in self.constraints]
        if len(set(names)) < len(names):
            raise ValueError(f"constraints must have different names, got {names}")
        self.point({})  # a condition that looks at a later parameter shows here, not in mid-search
        if self.known is not None and (violations := self.check(self.known)):
            raise ValueError(f"the known point is none of the space: {violations[0]}")

    # -- points ---------------------------------------------------------------------------------

    def point(self, values: Mapping[str, Any]) -> Point:
        """The canonical point of ``values``: missing and inactive parameters at their defaults.

        Raises ValueError for names that are not declared; values are not judged here but in :meth:`check`.
        """
        unknown = values.keys() - self.parameters.keys()
        if unknown:
            raise ValueError(
                f"unknown parameters {sorted(unknown)}; this space has {', '.join(self.parameters)}"
            )
        return self._canonical({name: freeze(value) for name, value in values.items()})

    def changed(self, point: Point, name: str, value: JsonValue) -> Point | None:
        """A point of the space with one value exchanged, canonical; None when a constraint refuses that.

        Quicker than :meth:`point` and :meth:`check`: ``value`` is one of the parameter's.
        """
        other = self._canonical({**point, name: value})
        return other if self._valid(other) else None

    def _canonical(self, values: Mapping[str, JsonValue]) -> Point:
        """The point of frozen values of declared names."""
        chosen: dict[str, JsonValue] = {}
        for name, parameter in self.parameters.items():
            given = self._active(name, chosen) and name in values
            chosen[name] = values[name] if given else parameter.default
        return Point.of_frozen(chosen)

    @cached_property
    def default(self) -> Point:
        """Every parameter at its default; it need not satisfy the constraints."""
        return self.point({})

    def active(self, point: Mapping[str, JsonValue]) -> frozenset[str]:
        """The names of the parameters that are active in a point."""
        active = set()
        earlier: dict[str, JsonValue] = {}
        for name in self.parameters:
            if self._active(name, earlier):
                active.add(name)
            earlier[name] = point[name]
        return frozenset(active)

    def check(self, point: Mapping[str, Any]) -> list[Violation]:
        """Everything that keeps ``point`` out of the space; empty for a point of the space."""
        violations = [
            Violation(name, "is no parameter of this space")
            for name in point
            if name not in self.parameters
        ]
        for name, parameter in self.parameters.items():
            if name not in point:
                violations.append(Violation(name, "has no value"))
            elif (problem := parameter.problem(freeze(point[name]))) is not None:
                violations.append(Violation(name, problem))
        if violations:
            return violations
        values = Point(point)
        if self.point(values) != values:
            active = self.active(values)
            return [
                Violation(
                    name, f"is inactive here and must stay {thaw(self.parameters[name].default)!r}"
                )
                for name in self.parameters
                if name not in active and values[name] != self.parameters[name].default
            ]
        return [
            Violation(constraint.name, constraint.reason)
            for constraint in self.constraints
            if not constraint.holds(values)
        ]

    def _active(self, name: str, earlier: Mapping[str, JsonValue]) -> bool:
        """Whether a parameter is active, given the values of exactly those declared before it."""
        condition = self.conditions.get(name)
        if condition is None:
            return True
        try:
            return bool(condition.holds(earlier))
        except KeyError as error:
            raise ValueError(
                f"the condition of {name!r} looks at {error}, but sees only the parameters declared before it: "
                f"{', '.join(earlier) or 'none'}. Declare {name!r} later"
            ) from error

    def _valid(self, point: Point) -> bool:
        return all(constraint.holds(point) for constraint in self.constraints)

    # -- drawing and listing --------------------------------------------------------------------

    def sample(self, rng: np.random.Generator) -> Point:
        """A random point that satisfies the constraints; raises NoValidPointError when none turns up."""
        for _ in range(REFUSALS if self.known is None else REFUSALS_BEFORE_WALKING):
            point = self._draw(rng)
            if self._valid(point):
                return point
        if self._assignments <= COUNTED and (points := list(self.points())):
            return points[int(rng.integers(len(points)))]
        if self.known is not None:
            return self._walk(self.known, rng)
        raise NoValidPointError(
            f"none of {REFUSALS} random points satisfies the constraints "
            f"({', '.join(constraint.name for constraint in self.constraints)}); "
            "state them as conditions or narrower parameters"
        )

    def points(self) -> Iterator[Point]:
        """Every point, in order; raises TypeError when a parameter is continuous."""
        names = list(self.parameters)

        def extend(chosen: dict[str, JsonValue]) -> Iterator[Point]:
            if len(chosen) == len(names):
                point = Point(chosen)
                if self._valid(point):
                    yield point
                return
            name = names[len(chosen)]
            parameter = self.parameters[name]
            values: Iterable[JsonValue] = (
                parameter.values() if self._active(name, chosen) else (parameter.default,)
            )
            for value in values:
                yield from extend({**chosen, name: value})

        return extend({})

    @cached_property
    def size(self) -> Size:
        """How many points there are: counted where that is cheap, else estimated.

        The estimate is Knuth's (D. E. Knuth, "Estimating the efficiency of backtrack programs", 1975): each random
        point that satisfies the constraints counts for the product of the choices made on the way to it.
        """
        if not self.constraints and not self.conditions:
            return Size(self._assignments, exact=not math.isinf(self._assignments))
        if self._assignments <= COUNTED:
            return Size(sum(1 for _ in self.points()), exact=True)
        import numpy as np

        rng = np.random.default_rng(0)
        weights = 0.0
        for _ in range(ESTIMATED_FROM):
            point = self._draw(rng)
            if self._valid(point):
                weights += math.prod(
                    self.parameters[name].cardinality for name in self.active(point)
                )
        return Size(weights / ESTIMATED_FROM, exact=False)

    @property
    def _assignments(self) -> float:
        """The number of points without constraints and conditions."""
        return math.prod(parameter.cardinality for parameter in self.parameters.values())

    def _draw(self, rng: np.random.Generator) -> Point:
        """A random point, whatever the constraints say."""
        chosen: dict[str, JsonValue] = {}
        for name, parameter in self.parameters.items():
            active = self._active(name, chosen)
            chosen[name] = parameter.sample(rng) if active else parameter.default
        return Point.of_frozen(chosen)

    def _walk(self, point: Point, rng: np.random.Generator) -> Point:
        """Another point of the space: parameters are drawn anew one at a time, as far as the constraints let them."""
        for name in list(self.parameters) * SWEEPS:
            point = self.changed(point, name, self.parameters[name].sample(rng)) or point
        return point

    # -- geometry -------------------------------------------------------------------------------

    def neighbours(self, point: Point) -> list[Point]:
        """The points of the space in which one active parameter is a step away from ``point``."""
        found: dict[Point, None] = {}
        active = self.active(point)
        for name in self.parameters:
            if name not in active:
                continue
            for value in self.parameters[name].neighbours(point[name]):
                other = self.changed(point, name, value)
                if other is not None and other != point:
                    found[other] = None
        return list(found)

    def distance(self, a: Point, b: Point) -> float:
        """The sum of the parameters' distances, each from 0 to 1."""
        return sum(
            parameter.distance(a[name], b[name]) for name, parameter in self.parameters.items()
        )

    @cached_property
    def dimensions(self) -> int:
        """The length of the vectors of :meth:`encode`; 0 for a space of one point."""
        return sum(parameter.width for parameter in self.parameters.values())

    def encode(self, point: Point) -> NDArray[np.float64]:
        """``point`` as a vector in [0, 1]^dimensions."""
        import numpy as np

        coordinates: list[float] = []
        for name, parameter in self.parameters.items():
            coordinates.extend(parameter.encode(point[name]))
        return np.asarray(coordinates, dtype=np.float64)

    def decode(self, vector: Sequence[float] | NDArray[np.float64]) -> Point:
        """The canonical point nearest to ``vector``; it may violate constraints."""
        if len(vector) != self.dimensions:
            raise ValueError(
                f"a vector of this space has {self.dimensions} entries, got {len(vector)}"
            )
        values: dict[str, JsonValue] = {}
        start = 0
        for name, parameter in self.parameters.items():
            coordinates = [float(entry) for entry in vector[start : start + parameter.width]]
            values[name] = parameter.decode(coordinates)
            start += parameter.width
        return self.point(values)

    # -- identity -------------------------------------------------------------------------------

    def describe(self) -> dict[str, Any]:
        """The declarations as JSON; of predicates, their names and reasons."""
        return {
            "version": FINGERPRINT_VERSION,
            "parameters": [
                [name, parameter.describe()] for name, parameter in self.parameters.items()
            ],
            "constraints": [
                [constraint.name, constraint.reason] for constraint in self.constraints
            ],
            "conditions": {name: condition.reason for name, condition in self.conditions.items()},
        }

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of the canonical JSON of :meth:`describe`, in hexadecimal."""
        return hashlib.sha256(canonical_text(freeze(self.describe())).encode()).hexdigest()
