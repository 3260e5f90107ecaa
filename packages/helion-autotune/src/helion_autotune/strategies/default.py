"""The default: winners of similar keys, batches chosen by a model of all trials, local search around the best.

The last two take turns until neither finds a better point; then the search ends by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from helion_autotune.strategies.guided import GuidedSearch
from helion_autotune.strategies.pattern import PatternSearch
from helion_autotune.strategies.rounds import improved
from helion_autotune.strategies.similar_winners import similar_winners

if TYPE_CHECKING:
    import numpy as np

    from helion_autotune.objective import Objective
    from helion_autotune.space import Space


#: Short walks from the two best points, none from anywhere else, and soon the turn of the pattern search: the model
#: promises much of points that it knows little of, and in a hundred evaluations few such promises hold.
NEAR = GuidedSearch(patience=2, copies=2, radius=2, walks=80, anywhere=0)


@attrs.frozen
class DefaultSearch:
    """Winners of the ``similar`` nearest keys, then guided and pattern search in turns, at most ``turns`` of them.

    ``gain``: a turn that does not bring the best time below this share of what it was ends the search.
    """

    similar: int = 3
    guided: GuidedSearch = NEAR
    pattern: PatternSearch = PatternSearch(batch=16, pairs=16)  # noqa: RUF009 - frozen, so it may be shared
    turns: int = 8
    gain: float = 0.99

    def search(self, space: Space, objective: Objective, rng: np.random.Generator) -> None:
        """See :class:`helion_autotune.Strategy`."""
        winners = similar_winners(space, objective, self.similar)
        if winners:
            objective.evaluate_many(winners)
        for turn in range(self.turns):
            self.guided.search(space, objective, rng)
            before = objective.best
            self.pattern.search(space, objective, rng)
            if objective.best is None:
                objective.stop(f"nothing worked in {objective.evaluations} evaluations")
            if not improved(before, objective.best, self.gain):
                objective.stop(f"no better point found in turn {turn + 1}")
