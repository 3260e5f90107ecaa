"""Warm start: what earlier sessions found for similar keys is tried first, then another strategy goes on from there.

A kernel's best configs change slowly with the sizes of its arguments, so the winner of one shape is a strong first
guess for the next. Source of the idea: M. Feurer, J. T. Springenberg, F. Hutter, "Initializing Bayesian Hyperparameter
Optimization via Meta-Learning", AAAI 2015.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from helion_autotune.strategies.guided import GuidedSearch
from helion_autotune.strategies.similar_winners import similar_winners

if TYPE_CHECKING:
    import numpy as np

    from helion_autotune.objective import Objective
    from helion_autotune.space import Space
    from helion_autotune.strategies import Strategy


@attrs.frozen
class WarmStart:
    """The winners of the ``count`` most similar keys, then the strategy ``then``."""

    count: int = 6
    then: Strategy = GuidedSearch()  # noqa: RUF009 - frozen, so it may be shared

    def search(self, space: Space, objective: Objective, rng: np.random.Generator) -> None:
        """See :class:`helion_autotune.Strategy`."""
        winners = similar_winners(space, objective, self.count)
        if winners:
            objective.evaluate_many(winners)
        self.then.search(space, objective, rng)
