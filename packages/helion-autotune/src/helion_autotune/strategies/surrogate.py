"""Surrogate-guided search: a model of all trials so far says which points are worth the next batch.

The model is a Gaussian process on the logarithm of the time; failures count as the slowest time known. A batch is
chosen by expected improvement, one point after the other, each believed at its predicted time by the next
("kriging believer": D. Ginsbourger, R. Le Riche, L. Carraro, "Kriging is well-suited to parallelize optimization",
2010). Expected improvement: D. R. Jones, M. Schonlau, W. J. Welch, "Efficient Global Optimization of Expensive
Black-Box Functions", Journal of Global Optimization 13 (1998).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import attrs

from helion_autotune.strategies.gaussian_process import fit, refit
from helion_autotune.strategies.pattern import two_steps_away
from helion_autotune.strategies.random import random_points
from helion_autotune.strategies.rounds import in_rounds
from helion_autotune.strategies.sobol import sobol_points

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from helion_autotune.objective import Objective
    from helion_autotune.point import Point
    from helion_autotune.space import Space
    from helion_autotune.trial import Trial

    Array = NDArray[np.float64]

#: A model of more trials than this costs more than it tells: the fastest and the latest are kept.
MODELLED = 256


@attrs.frozen
class SurrogateSearch:
    """``start`` even points, then batches the model asks for; ends after ``patience`` batches without ``gain``."""

    start: int = 24
    batch: int = 8
    patience: int = 3
    gain: float = 0.99
    candidates: int = 192
    rounds: int = 32

    def search(self, space: Space, objective: Objective, rng: np.random.Generator) -> None:
        """See :class:`helion_autotune.Strategy`."""
        self.begin(space, objective, rng)
        in_rounds(
            objective,
            lambda: self.propose(space, objective.trials, rng),
            rounds=self.rounds,
            patience=self.patience,
            gain=self.gain,
        )

    def begin(self, space: Space, objective: Objective, rng: np.random.Generator) -> None:
        """Evaluate the default point and an even spread, counting what was tried before."""
        tried = {trial.point for trial in objective.trials} | {space.default}
        spread = sobol_points(space, rng, max(self.start - len(tried), self.start // 2), tried)
        objective.evaluate_many([space.default, *spread])

    def propose(
        self, space: Space, trials: Sequence[Trial], rng: np.random.Generator
    ) -> list[Point]:
        """The next batch: up to ``batch`` untried points; empty when the space is exhausted."""
        tried = {trial.point for trial in trials}
        ranked = sorted((trial for trial in trials if trial.ok), key=lambda trial: trial.value)
        if len(ranked) < 2 or not space.dimensions:  # nothing to model yet
            return random_points(space, rng, self.batch, tried)
        pool = self._pool(space, ranked, rng, tried)
        if len(pool) <= self.batch:
            return pool
        known = _modelled(trials)
        slowest = math.log(max(ranked[-1].value, 1e-9))
        times = [math.log(max(trial.value, 1e-9)) if trial.ok else slowest for trial in known]
        return _chosen(space, [trial.point for trial in known], times, pool, self.batch)

    def _pool(
        self,
        space: Space,
        ranked: Sequence[Trial],
        rng: np.random.Generator,
        tried: set[Point],
    ) -> list[Point]:
        """Untried points to choose from: around the best ones, and anywhere."""
        pool: dict[Point, None] = {}
        for trial in ranked[:4]:
            pool.update(dict.fromkeys(space.neighbours(trial.point)))
        pool.update(dict.fromkeys(two_steps_away(space, ranked[0].point, rng, 64, tried)))
        pool.update(dict.fromkeys(random_points(space, rng, self.candidates, tried)))
        return [point for point in pool if point not in tried]


def _modelled(trials: Sequence[Trial]) -> list[Trial]:
    """The trials that the model sees: those that were compiled, the fastest and the latest of them."""
    seen = [trial for trial in trials if trial.status != "rejected"]
    if len(seen) <= MODELLED:
        return seen
    fastest = sorted(seen, key=lambda trial: trial.value)[: MODELLED // 2]
    kept = {trial.point for trial in fastest}
    latest = [trial for trial in reversed(seen) if trial.point not in kept]
    return fastest + latest[: MODELLED // 2]


def _chosen(
    space: Space, known: list[Point], times: list[float], pool: list[Point], count: int
) -> list[Point]:
    """``count`` points of ``pool``, by expected improvement, each believed before the next is chosen."""
    import numpy as np

    rows = np.stack([space.encode(point) for point in known])
    values = np.asarray(times)
    left = list(pool)
    encoded = np.stack([space.encode(point) for point in left])
    picked: list[Point] = []
    process = fit(rows, values)
    for _ in range(count):
        mean, deviation = process.predict(encoded)
        index = int(np.argmax(expected_improvement(mean, deviation, float(values.min()))))
        picked.append(left.pop(index))
        rows = np.vstack([rows, encoded[index]])
        values = np.append(values, mean[index])
        encoded = np.delete(encoded, index, axis=0)
        process = refit(process, rows, values)
    return picked


def expected_improvement(mean: Array, deviation: Array, best: float) -> Array:
    """How much below ``best`` each normal variable is, on average; what is above counts as 0."""
    import numpy as np

    z = (best - mean) / deviation
    below = np.asarray([0.5 * math.erfc(-value / math.sqrt(2.0)) for value in z])
    density = np.exp(-0.5 * z**2) / math.sqrt(2.0 * math.pi)
    improvement: Array = deviation * (z * below + density)
    return improvement
