"""Pattern search: steps from the best point to its neighbours, until none is better.

All neighbours with one changed parameter are tried; when none is better, neighbours with two, in random order.
Source: R. Hooke, T. A. Jeeves, "'Direct Search' Solution of Numerical and Statistical Problems", JACM 8 (1961).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    import numpy as np

    from helion_autotune.objective import Objective
    from helion_autotune.point import Point
    from helion_autotune.space import Space


def two_steps_away(
    space: Space, point: Point, rng: np.random.Generator, count: int, tried: AbstractSet[Point]
) -> list[Point]:
    """Up to ``count`` neighbours of neighbours of ``point`` outside ``tried``, in random order."""
    found: dict[Point, None] = {}
    near = space.neighbours(point)
    for index in rng.permutation(len(near)):
        beyond = [other for other in space.neighbours(near[index]) if other not in tried]
        found.update(dict.fromkeys(other for other in beyond if other != point))
        if len(found) >= 4 * count:  # enough to choose from; a large space has thousands
            break
    points = list(found)
    return [points[index] for index in rng.permutation(len(points))[:count]]


@attrs.frozen
class PatternSearch:
    """Local search around the best point so far (the default when nothing was tried), ``batch`` points at a time.

    Ends when neither the neighbours nor ``pairs`` points two steps away are better by the factor ``gain``.
    """

    batch: int = 32
    pairs: int = 64
    gain: float = 0.995
    restarts: int = 8

    def search(self, space: Space, objective: Objective, rng: np.random.Generator) -> None:
        """See :class:`helion_autotune.Strategy`."""
        if not self._start(space, objective, rng):
            return
        while self._improve(space, objective, rng):
            pass

    def _start(self, space: Space, objective: Objective, rng: np.random.Generator) -> bool:
        """Make sure that there is a point to start from."""
        if objective.best is None:
            objective.evaluate(space.default)
        for _ in range(self.restarts):
            if objective.best is not None:
                return True
            objective.evaluate_many([space.sample(rng) for _ in range(self.batch)])
        return objective.best is not None

    def _improve(self, space: Space, objective: Objective, rng: np.random.Generator) -> bool:
        """One round around the incumbent; whether it found a better one."""
        incumbent = objective.best
        assert incumbent is not None
        tried = {trial.point for trial in objective.trials}
        near = [point for point in space.neighbours(incumbent.point) if point not in tried]
        near = [near[index] for index in rng.permutation(len(near))]
        far = two_steps_away(space, incumbent.point, rng, self.pairs, tried)
        objective.prepare([*near, *far])
        for points in (near, far):
            for start in range(0, len(points), self.batch):
                objective.evaluate_many(points[start : start + self.batch])
            best = objective.best
            if best is not None and best.value < self.gain * incumbent.value:
                return True
        return False
