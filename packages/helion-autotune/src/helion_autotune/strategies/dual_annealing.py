"""Dual annealing: generalized simulated annealing, whose jumps and acceptance both cool down.

Source: C. Tsallis, D. A. Stariolo, "Generalized simulated annealing", Physica A 233 (1996); Y. Xiang et al.,
"Generalized Simulated Annealing Algorithm and Its Application to the Thomson Model", Physics Letters A 233 (1997);
``scipy.optimize.dual_annealing``, without its local search, which needs gradients.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from helion_autotune.strategies.energy import Energy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from helion_autotune.objective import Objective
    from helion_autotune.space import Space


@attrs.frozen
class DualAnnealing:
    """At most ``iterations`` of annealing from the best point so far; each tries two points per coordinate.

    Points are tried one by one, as each decides on the next: compiles do not run in parallel.
    """

    iterations: int = 100
    evaluations: int = 1000

    def search(self, space: Space, objective: Objective, rng: np.random.Generator) -> None:
        """See :class:`helion_autotune.Strategy`."""
        if objective.best is None:
            objective.evaluate(space.default)
        if not space.dimensions:
            return
        from scipy.optimize import dual_annealing

        energy = Energy()

        def evaluate(vector: NDArray[np.float64]) -> float:
            return energy.of(objective.evaluate(space.decode(vector)))

        start = space.default if objective.best is None else objective.best.point
        dual_annealing(
            evaluate,
            bounds=[(0.0, 1.0)] * space.dimensions,
            maxiter=self.iterations,
            maxfun=self.evaluations,
            rng=rng,
            no_local_search=True,
            x0=space.encode(start),
        )
