"""Random search: independent, uniform points of the space.

Source: J. Bergstra, Y. Bengio, "Random Search for Hyper-Parameter Optimization", JMLR 13 (2012).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from helion_autotune.strategies.rounds import in_batches

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    import numpy as np

    from helion_autotune.objective import Objective
    from helion_autotune.point import Point
    from helion_autotune.space import Space

#: Draws without anything new before the space counts as exhausted.
_FRUITLESS = 200


def random_points(
    space: Space, rng: np.random.Generator, count: int, tried: AbstractSet[Point] = frozenset()
) -> list[Point]:
    """Up to ``count`` different random points outside ``tried``; fewer when the space has hardly any left."""
    found: dict[Point, None] = {}
    fruitless = 0
    while len(found) < count and fruitless < _FRUITLESS:
        point = space.sample(rng)
        if point in found or point in tried:
            fruitless += 1
        else:
            found[point] = None
            fruitless = 0
    return list(found)


@attrs.frozen
class RandomSearch:
    """At most ``evaluations`` random points, ``batch`` at a time."""

    evaluations: int = 256
    batch: int = 16

    def search(self, space: Space, objective: Objective, rng: np.random.Generator) -> None:
        """See :class:`helion_autotune.Strategy`."""
        in_batches(objective, self._drawn(space, objective, rng), self.batch)

    def _drawn(
        self, space: Space, objective: Objective, rng: np.random.Generator
    ) -> Iterator[Point]:
        """The points, drawn as they are needed."""
        tried = {trial.point for trial in objective.trials}
        left = self.evaluations
        while left > 0:
            points = random_points(space, rng, min(self.batch, left), tried)
            if not points:
                return
            yield from points
            tried.update(points)
            left -= len(points)
