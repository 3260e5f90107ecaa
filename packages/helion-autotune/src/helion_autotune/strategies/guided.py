"""Guided search: steps from the best points, chosen by a model of what each parameter and each pair of them does.

The model is an additive Gaussian process on the logarithm of the time, of the successes alone; a second one, of
success and failure, says how likely a point is to run. A batch maximises expected improvement times that probability,
one point after the other, each believed at its predicted time by the next. Candidates are walks of a few steps from
the best points, fewer and shorter steps as the search goes on, and some points from anywhere.
Sources: "kriging believer": D. Ginsbourger, R. Le Riche, L. Carraro (2010); failures: M. A. Gelbart, J. Snoek, R. P.
Adams, "Bayesian Optimization with Unknown Constraints", UAI 2014; staying near: D. Eriksson et al., "Scalable Global
Optimization via Local Bayesian Optimization", NeurIPS 2019.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import attrs

from helion_autotune.strategies.additive_process import AdditiveProcess, Distances, Settings, fit
from helion_autotune.strategies.random import random_points
from helion_autotune.strategies.rounds import in_rounds
from helion_autotune.strategies.sobol import sobol_points
from helion_autotune.strategies.surrogate import expected_improvement
from helion_autotune.trial import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from helion_autotune.objective import Objective
    from helion_autotune.point import Point
    from helion_autotune.space import Space
    from helion_autotune.trial import Trial

    Array = NDArray[np.float64]

#: Times more than this many times the best are all alike to the model.
CLIPPED = 6.0
#: How often a step of a walk is to any value.
FAR = 0.2
#: The most trials that a model is fitted to: the fastest and the latest.
MODELLED = 200


@attrs.frozen
class GuidedSearch:
    """``start`` points to learn from, then ``batch`` at a time; ends after ``patience`` batches without ``gain``.

    ``copies`` best points are what walks of at most ``radius`` steps, ``walks`` in all, start from.
    """

    start: int = 16
    batch: int = 8
    patience: int = 4
    gain: float = 0.995
    copies: int = 4
    walks: int = 160
    radius: int = 4
    anywhere: int = 24
    rounds: int = 64

    def search(self, space: Space, objective: Objective, rng: np.random.Generator) -> None:
        """See :class:`helion_autotune.Strategy`."""
        self.begin(space, objective, rng)
        models = Models(Distances(space))
        in_rounds(
            objective,
            lambda: self.propose(space, objective.trials, models, rng),
            rounds=self.rounds,
            patience=self.patience,
            gain=self.gain,
        )

    def begin(self, space: Space, objective: Objective, rng: np.random.Generator) -> None:
        """Evaluate the default and points to learn from: walks from what works, or an even spread."""
        objective.evaluate(space.default)
        tried = {trial.point for trial in objective.trials}
        ranked = _ranked(objective.trials)
        if len(ranked) >= 3:
            found: dict[Point, None] = {}
            for index in range(4 * self.start):
                origin = ranked[index % min(2, len(ranked))].point
                point = walked(space, origin, rng, self.radius + 2)
                if point not in tried:
                    found[point] = None
            points = list(found)[: self.start]
        else:
            points = sobol_points(space, rng, self.start, tried)
        if points:
            objective.evaluate_many(points)

    def propose(
        self, space: Space, trials: Sequence[Trial], models: Models, rng: np.random.Generator
    ) -> list[Point]:
        """The next batch: up to ``batch`` untried points; empty when the space is exhausted."""
        tried = {trial.point for trial in trials}
        ranked = _ranked(trials)
        if len(ranked) < 2 or not space.dimensions:
            return random_points(space, rng, self.batch, tried)
        pool = self._pool(space, ranked, rng, tried)
        if len(pool) <= self.batch:
            return pool
        return models.choose(trials, pool, self.batch)

    def _pool(
        self, space: Space, ranked: Sequence[Trial], rng: np.random.Generator, tried: set[Point]
    ) -> list[Point]:
        """Untried points to choose from."""
        pool: dict[Point, None] = dict.fromkeys(space.neighbours(ranked[0].point))
        origins = ranked[: self.copies]
        for index in range(self.walks):
            origin = origins[index % len(origins)].point
            pool[walked(space, origin, rng, self.radius)] = None
        pool.update(dict.fromkeys(random_points(space, rng, self.anywhere, tried)))
        return [point for point in pool if point not in tried]


@attrs.define(eq=False)
class Models:
    """The two models of a search; remembers their settings, from which the next fit climbs on."""

    distances: Distances
    _time: Settings | None = None
    _works: Settings | None = None

    def choose(self, trials: Sequence[Trial], pool: Sequence[Point], count: int) -> list[Point]:
        """``count`` points of ``pool``."""
        import numpy as np

        seen = _modelled(trials)
        worked = [trial for trial in seen if trial.ok]
        logs = np.log(np.maximum([trial.value for trial in worked], 1e-9))
        values = np.minimum(logs, logs.min() + math.log(CLIPPED))
        process = fit(self.distances, [trial.point for trial in worked], values, self._time)
        self._time = process.settings
        return self._picked(process, self._likely(seen, pool), pool, count)

    @staticmethod
    def _picked(
        process: AdditiveProcess, likely: Array, pool: Sequence[Point], count: int
    ) -> list[Point]:
        """One after the other: believing a point at its mean changes no mean, and makes its surroundings surer."""
        import numpy as np

        mean, covariance = process.predict(pool)
        noise, best = process.settings.noise * process.scale**2, float(process.values.min())
        picked: list[int] = []
        for _ in range(count):
            deviation = np.sqrt(np.maximum(np.diag(covariance), 1e-12))
            score = expected_improvement(mean, deviation, best) * likely
            score[picked] = -1.0
            index = int(np.argmax(score))
            picked.append(index)
            best = min(best, float(mean[index]))
            column = covariance[:, index]
            covariance = covariance - np.outer(column, column) / (column[index] + noise)
        return [pool[index] for index in picked]

    def _likely(self, seen: Sequence[Trial], pool: Sequence[Point]) -> Array:
        """How likely each point of ``pool`` is to work."""
        import numpy as np

        works = np.asarray([float(trial.ok) for trial in seen])
        if works.all():
            return np.ones(len(pool))
        process = fit(self.distances, [trial.point for trial in seen], works, self._works)
        self._works = process.settings
        return np.asarray(np.clip(process.mean_at(pool), 0.02, 1.0))


def walked(space: Space, origin: Point, rng: np.random.Generator, radius: int) -> Point:
    """The end of a walk of 1 to ``radius`` steps; each changes one active parameter of its own to another value.

    Ordered values change by a step, sometimes by any; steps that the constraints refuse are not made.
    """
    point = origin
    active = sorted(space.active(origin))
    steps = 1 + int(rng.integers(radius))
    for index in rng.permutation(len(active))[:steps]:
        name = active[index]
        parameter = space.parameters[name]
        near = parameter.neighbours(point[name])
        far = not near or rng.random() < FAR
        value = parameter.sample(rng) if far else near[int(rng.integers(len(near)))]
        point = space.changed(point, name, value) or point
    return point


def _ranked(trials: Sequence[Trial]) -> list[Trial]:
    return sorted((trial for trial in trials if trial.ok), key=lambda trial: trial.value)


def _modelled(trials: Sequence[Trial]) -> list[Trial]:
    seen = [trial for trial in trials if trial.status is not Status.REJECTED]
    if len(seen) <= MODELLED:
        return seen
    fastest = sorted(seen, key=lambda trial: trial.value)[: MODELLED // 2]
    kept = {trial.point for trial in fastest}
    latest = [trial for trial in reversed(seen) if trial.point not in kept]
    return fastest + latest[: MODELLED // 2]
