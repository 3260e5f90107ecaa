"""Differential evolution: a population whose members are replaced by better recombinations, a generation at a time.

Source: R. Storn, K. Price, "Differential Evolution - a Simple and Efficient Heuristic for Global Optimization over
Continuous Spaces", Journal of Global Optimization 11 (1997); ``scipy.optimize.differential_evolution``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from helion_autotune.strategies.sobol import sobol_points

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from helion_autotune.objective import Objective
    from helion_autotune.space import Space

#: scipy asks for at least this many members.
_SMALLEST = 5


@attrs.frozen
class DifferentialEvolution:
    """At most ``generations`` generations of ``population`` members, whole generations evaluated at once.

    It starts from what was tried before (the seeds) and Sobol points, and ends after ``patience`` generations
    without a better best.
    """

    population: int = 20
    generations: int = 20
    patience: int = 5
    mutation: tuple[float, float] = (0.5, 1.0)
    recombination: float = 0.7

    def search(self, space: Space, objective: Objective, rng: np.random.Generator) -> None:
        """See :class:`helion_autotune.Strategy`."""
        start = self._start(space, objective, rng)
        if (
            len(start) < _SMALLEST or not space.dimensions
        ):  # nearly the whole space: nothing to evolve
            objective.evaluate_many([space.decode(vector) for vector in start] or [space.default])
            return
        from scipy.optimize import differential_evolution

        def evaluate(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
            """The value of each column of ``vectors`` (dimensions x members)."""
            trials = objective.evaluate_many([space.decode(vector) for vector in vectors.T])
            return np.asarray([trial.value for trial in trials])

        import numpy as np

        best: list[float] = []  # the incumbent's time after each generation

        def stagnates(intermediate_result: Any) -> bool:
            best.append(float(intermediate_result.fun))
            return len(best) > self.patience and best[-1] >= best[-1 - self.patience]

        differential_evolution(
            evaluate,
            bounds=[(0.0, 1.0)] * space.dimensions,
            init=start,
            maxiter=self.generations,
            mutation=self.mutation,
            recombination=self.recombination,
            rng=rng,
            callback=stagnates,
            polish=False,
            tol=0.0,
            updating="deferred",
            vectorized=True,
        )

    def _start(
        self, space: Space, objective: Objective, rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """The first population, members x dimensions: the best of what is known, then Sobol points."""
        import numpy as np

        known = sorted((t for t in objective.trials if t.ok), key=lambda trial: trial.value)
        points = [trial.point for trial in known[: self.population // 2]]
        points += sobol_points(space, rng, self.population - len(points), frozenset(points))
        return np.asarray([space.encode(point) for point in points])
