"""Sobol search: points spread evenly over the space, by a scrambled Sobol sequence.

Source: I. M. Sobol, "On the distribution of points in a cube and the approximate evaluation of integrals" (1967);
scrambling by A. B. Owen (1998); ``scipy.stats.qmc.Sobol``.
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

#: The sequence is followed for at most this many times the points wanted; the rest are drawn at random.
_OVERDRAW = 8


def sobol_points(
    space: Space, rng: np.random.Generator, count: int, tried: AbstractSet[Point] = frozenset()
) -> list[Point]:
    """Up to ``count`` different points outside ``tried`` that satisfy the constraints.

    Constraints may refuse most of the sequence; what is missing then is drawn at random.
    """
    found: dict[Point, None] = {}
    if space.dimensions:
        from scipy.stats import qmc

        sequence = qmc.Sobol(space.dimensions, rng=rng)
        exponent = max(count - 1, 1).bit_length()  # a Sobol sequence is balanced at powers of two
        for _ in range(_OVERDRAW):
            for vector in sequence.random(2**exponent):
                point = space.decode(vector)
                if len(found) < count and point not in tried and not space.check(point):
                    found[point] = None
            if len(found) == count:
                return list(found)
    missing = random_points(space, rng, count - len(found), tried | found.keys())
    return [*found, *missing]


@attrs.frozen
class SobolSearch:
    """``evaluations`` evenly spread points, ``batch`` at a time."""

    evaluations: int = 256
    batch: int = 32

    def search(self, space: Space, objective: Objective, rng: np.random.Generator) -> None:
        """See :class:`helion_autotune.Strategy`."""
        tried = {trial.point for trial in objective.trials}
        points = sobol_points(space, rng, self.evaluations, tried)
        in_batches(objective, points, self.batch)
