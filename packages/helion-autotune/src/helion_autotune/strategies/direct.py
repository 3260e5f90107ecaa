"""DIRECT: boxes that could hold the optimum are cut in three, the most promising of every size first.

Source: D. R. Jones, C. D. Perttunen, B. E. Stuckman, "Lipschitzian optimization without the Lipschitz constant",
Journal of Optimization Theory and Applications 79 (1993), locally biased as by J. M. Gablonsky, C. T. Kelley (2001);
``scipy.optimize.direct``.
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
class DirectSearch:
    """At most ``evaluations`` questions of the solver, answered again for free where two boxes decode to one point.

    Nothing is random. Points are tried one by one: compiles do not run in parallel. ``locally_biased`` suits few
    hollows; without it, boxes of every size are cut.
    """

    evaluations: int = 2000
    locally_biased: bool = True

    def search(self, space: Space, objective: Objective, rng: np.random.Generator) -> None:  # noqa: ARG002 - nothing is random here
        """See :class:`helion_autotune.Strategy`."""
        if objective.best is None:
            objective.evaluate(space.default)
        if not space.dimensions:
            return
        from scipy.optimize import direct

        energy = Energy()

        def evaluate(vector: NDArray[np.float64]) -> float:
            return energy.of(objective.evaluate(space.decode(vector)))

        direct(
            evaluate,
            bounds=[(0.0, 1.0)] * space.dimensions,
            maxfun=self.evaluations,
            maxiter=self.evaluations,
            locally_biased=self.locally_biased,
            vol_tol=0.0,
            len_tol=0.0,
        )
