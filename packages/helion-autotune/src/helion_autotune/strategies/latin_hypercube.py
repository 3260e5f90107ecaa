"""Latin hypercube search: points of which every coordinate, taken alone, is spread evenly.

Source: M. D. McKay, R. J. Beckman, W. J. Conover, "A Comparison of Three Methods for Selecting Values of Input
Variables in the Analysis of Output from a Computer Code", Technometrics 21 (1979); ``scipy.stats.qmc.LatinHypercube``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from helion_autotune.strategies.random import random_points
from helion_autotune.strategies.rounds import in_batches

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    import numpy as np

    from helion_autotune.objective import Objective
    from helion_autotune.point import Point
    from helion_autotune.space import Space

#: Constraints refuse points of a hypercube: at most this many are drawn for what is missing, then random points.
_HYPERCUBES = 8


def latin_points(
    space: Space, rng: np.random.Generator, count: int, tried: AbstractSet[Point] = frozenset()
) -> list[Point]:
    """Up to ``count`` different points outside ``tried`` that satisfy the constraints."""
    found: dict[Point, None] = {}
    if space.dimensions:
        from scipy.stats import qmc

        sampler = qmc.LatinHypercube(space.dimensions, rng=rng)
        for _ in range(_HYPERCUBES):
            if len(found) == count:
                break
            points = [space.decode(vector) for vector in sampler.random(count - len(found))]
            found.update((p, None) for p in points if p not in tried and not space.check(p))
    missing = random_points(space, rng, count - len(found), tried | found.keys())
    return [*found, *missing]


@attrs.frozen
class LatinHypercubeSearch:
    """``evaluations`` points, ``batch`` at a time."""

    evaluations: int = 256
    batch: int = 32

    def search(self, space: Space, objective: Objective, rng: np.random.Generator) -> None:
        """See :class:`helion_autotune.Strategy`."""
        tried = {trial.point for trial in objective.trials}
        points = latin_points(space, rng, self.evaluations, tried)
        in_batches(objective, points, self.batch)
