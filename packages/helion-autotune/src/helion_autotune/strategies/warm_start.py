"""Warm start: what earlier sessions found for similar keys is tried first, then another strategy goes on from there.

A kernel's best configs change slowly with the sizes of its arguments, so the winner of one shape is a strong first
guess for the next. Source of the idea: M. Feurer, J. T. Springenberg, F. Hutter, "Initializing Bayesian Hyperparameter
Optimization via Meta-Learning", AAAI 2015.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from helion_autotune.strategies.default import DefaultSearch

if TYPE_CHECKING:
    import numpy as np

    from helion_autotune.objective import Objective
    from helion_autotune.point import Point
    from helion_autotune.space import Space
    from helion_autotune.strategies import Strategy


def similar_winners(space: Space, objective: Objective, count: int) -> list[Point]:
    """At most ``count`` points of this space: winners under the most similar keys, the nearest first.

    A winner of another space keeps the values of the names that both have; what then violates this space is left out.
    """
    points: dict[Point, None] = {}
    for result in objective.similar_results(4 * count):
        shared = {name: value for name, value in result.point.items() if name in space.parameters}
        point = space.point(shared)
        if shared and not space.check(point):
            points[point] = None
    return list(points)[:count]


@attrs.frozen
class WarmStart:
    """The winners of the ``count`` most similar keys, then the strategy ``then``."""

    count: int = 6
    then: Strategy = DefaultSearch()  # noqa: RUF009 - frozen, so it may be shared

    def search(self, space: Space, objective: Objective, rng: np.random.Generator) -> None:
        """See :class:`helion_autotune.Strategy`."""
        winners = similar_winners(space, objective, self.count)
        if winners:
            objective.evaluate_many(winners)
        self.then.search(space, objective, rng)
