"""The default: an even start, then local search around the best, until it stagnates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from helion_autotune.strategies.pattern import PatternSearch
from helion_autotune.strategies.sobol import sobol_points

if TYPE_CHECKING:
    import numpy as np

    from helion_autotune.objective import Objective
    from helion_autotune.space import Space


@attrs.frozen
class DefaultSearch:
    """The default point and ``start`` Sobol points, then pattern search."""

    start: int = 31

    def search(self, space: Space, objective: Objective, rng: np.random.Generator) -> None:
        """See :class:`helion_autotune.Strategy`."""
        tried = frozenset(trial.point for trial in objective.trials)
        objective.evaluate_many([space.default, *sobol_points(space, rng, self.start, tried)])
        PatternSearch().search(space, objective, rng)
