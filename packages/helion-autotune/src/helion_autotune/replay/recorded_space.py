"""A space of exactly the points that were recorded, with the geometry of the space that they came from.

In: the parameters, and the points. Out: a Space in which random points are recorded ones, where those that were looked
at because they are near others count as one with them, the neighbours of a point are the recorded ones that are nearest
to it, and a vector decodes to the nearest recorded point. A strategy that searches it is therefore only ever told times
that were measured, and each evaluation it makes is one that somebody paid for. Constraints and conditions of the
original are not needed: what they refused was not recorded.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import attrs

from helion_autotune.constraints import Constraint
from helion_autotune.json_values import canonical_text
from helion_autotune.space import Size, Space

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from helion_autotune.json_values import JsonValue
    from helion_autotune.parameters import Parameter
    from helion_autotune.point import Point

#: A point of a whole space has about two neighbours for each coordinate; so have those here, but at least this many.
FEWEST_NEIGHBOURS = 8
#: Points that differ in at most so many parameters are of one cluster: two that are both two steps from a third.
CLUSTERED = 4


def _points(points: Iterable[Point]) -> tuple[Point, ...]:
    return tuple(dict.fromkeys(points))


@attrs.frozen(eq=False, slots=False)
class RecordedSpace(Space):
    """``recorded``: the points, at least one; ``usual``: which of them is the default (the first, if left out)."""

    recorded: tuple[Point, ...] = attrs.field(default=(), converter=_points, kw_only=True)
    usual: Point | None = attrs.field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if not self.recorded:
            raise ValueError("a RecordedSpace needs at least one recorded point")
        super().__attrs_post_init__()

    @classmethod
    def of(
        cls,
        parameters: Mapping[str, Parameter],
        points: Iterable[Point],
        usual: Point | None = None,
    ) -> RecordedSpace:
        """The space of these points; ``usual`` counts only if it is one of them."""
        known = frozenset(points := _points(points))
        constraint = Constraint("recorded", "this point was not recorded", lambda p: p in known)
        return cls(
            parameters,
            (constraint,),
            recorded=points,
            usual=usual if usual in known else None,
        )

    @cached_property
    def default(self) -> Point:
        """The point that is the default of the original space, if it was recorded, else the first one recorded."""
        return self.recorded[0] if self.usual is None else self.usual

    def points(self) -> Iterator[Point]:
        """In the order of the records."""
        return iter(self.recorded)

    @cached_property
    def size(self) -> Size:
        """Exact."""
        return Size(len(self.recorded), exact=True)

    def sample(self, rng: np.random.Generator) -> Point:
        """A recorded point, as likely as it would be in the whole space: points of a cluster are drawn as if one.

        Sweeps look around good points, where a random point of billions would hardly ever lie.
        """
        import numpy as np

        place = int(np.searchsorted(self._odds, rng.random(), side="right"))
        return self.recorded[min(place, len(self.recorded) - 1)]

    def neighbours(self, point: Point) -> list[Point]:
        """The recorded points nearest to a recorded one, the nearest first."""
        import numpy as np

        here = self._places[point]
        order = np.argsort(self._distances[here], kind="stable")
        count = max(2 * self.dimensions, FEWEST_NEIGHBOURS)
        return [self.recorded[other] for other in order if other != here][:count]

    def changed(self, point: Point, name: str, value: JsonValue) -> Point | None:
        """A step in that direction: the recorded point nearest to the changed one, other than ``point``."""
        import numpy as np

        wanted = self.encode(self.point({**point, name: value}))
        squares = ((self._rows - wanted) ** 2).sum(axis=1)
        if point in self._places:
            squares[self._places[point]] = np.inf
        nearest = int(np.argmin(squares))
        return self.recorded[nearest] if np.isfinite(squares[nearest]) else None

    def decode(self, vector: Sequence[float] | NDArray[np.float64]) -> Point:
        """The recorded point whose coordinates are nearest to ``vector``; of equals, the first."""
        import numpy as np

        squares = ((self._rows - np.asarray(vector, dtype=np.float64)) ** 2).sum(axis=1)
        return self.recorded[int(np.argmin(squares))]

    @cached_property
    def _odds(self) -> NDArray[np.float64]:
        """Behind each recorded point, the probability of a draw up to it."""
        import numpy as np

        differing = np.zeros((len(self.recorded),) * 2, dtype=np.int16)
        for name in self.parameters:
            codes = np.asarray(self._codes(name)[1])
            differing += codes[:, None] != codes[None, :]
        weights = 1.0 / (differing <= CLUSTERED).sum(axis=1)
        return np.asarray(np.cumsum(weights) / weights.sum())

    def _codes(self, name: str) -> tuple[list[JsonValue], list[int]]:
        """The values of a parameter that occur, and for each recorded point the number of its own."""
        values: dict[str, JsonValue] = {
            canonical_text(point[name]): point[name] for point in self.recorded
        }
        numbers = {text: number for number, text in enumerate(values)}
        return list(values.values()), [
            numbers[canonical_text(point[name])] for point in self.recorded
        ]

    @cached_property
    def _places(self) -> dict[Point, int]:
        return {point: place for place, point in enumerate(self.recorded)}

    @cached_property
    def _rows(self) -> NDArray[np.float64]:
        """The coordinates of each recorded point, points x dimensions."""
        import numpy as np

        return np.stack([self.encode(point) for point in self.recorded])

    @cached_property
    def _distances(self) -> NDArray[np.float32]:
        """:meth:`Space.distance` of each pair of recorded points, by tables of the values that occur."""
        import numpy as np

        total = np.zeros((len(self.recorded),) * 2, dtype=np.float32)
        for name, parameter in self.parameters.items():
            values, numbers = self._codes(name)
            codes = np.asarray(numbers)
            table = [[parameter.distance(a, b) for b in values] for a in values]
            total += np.asarray(table, dtype=np.float32)[codes][:, codes]
        return total
