"""The default: an even start, batches chosen by a model of the trials, then local search around the best.

The two take turns until neither finds a better point; then the search ends by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from helion_autotune.strategies.pattern import PatternSearch
from helion_autotune.strategies.surrogate import SurrogateSearch, improved

if TYPE_CHECKING:
    import numpy as np

    from helion_autotune.objective import Objective
    from helion_autotune.space import Space


@attrs.frozen
class DefaultSearch:
    """Surrogate-guided search and pattern search in turns, at most ``turns`` of them.

    ``gain``: a turn that does not bring the best time below this share of what it was ends the search.
    """

    surrogate: SurrogateSearch = SurrogateSearch()  # noqa: RUF009 - frozen, so it may be shared
    pattern: PatternSearch = PatternSearch(batch=16, pairs=16)  # noqa: RUF009 - frozen, so it may be shared
    turns: int = 8
    gain: float = 0.99

    def search(self, space: Space, objective: Objective, rng: np.random.Generator) -> None:
        """See :class:`helion_autotune.Strategy`."""
        for turn in range(self.turns):
            self.surrogate.search(space, objective, rng)
            before = objective.best
            self.pattern.search(space, objective, rng)
            if objective.best is None:
                objective.stop(f"nothing worked in {objective.evaluations} evaluations")
            if not improved(before, objective.best, self.gain):
                objective.stop(f"no better point found in turn {turn + 1}")
