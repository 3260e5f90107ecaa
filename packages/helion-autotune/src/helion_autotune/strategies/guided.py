"""Guided search: steps from the best points, chosen by a model of what each parameter and each pair of them does.

It begins by changing one parameter of the best point at a time, which tells what each does alone. The model is an
additive Gaussian process on how far the logarithm of the time lies above the best, of the successes alone, in which
small distances count more than large ones; a second one, of success and failure, says how likely a point is to run. A
batch maximises expected improvement times that probability, one point after the other, each believed at its predicted
time by the next. Candidates are walks of a few steps from the best points, and some points from anywhere.
Sources: one at a time: M. D. Morris, "Factorial Sampling Plans for Preliminary Computational Experiments",
Technometrics 33 (1991); "kriging believer": D. Ginsbourger, R. Le Riche, L. Carraro (2010); failures: M. A. Gelbart, J.
Snoek, R. P. Adams, "Bayesian Optimization with Unknown Constraints", UAI 2014; staying near: D. Eriksson et al.,
"Scalable Global Optimization via Local Bayesian Optimization", NeurIPS 2019.
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
#: Up to about this far above the best, as the logarithm of a ratio, the model sees distances as they are; further away
#: it sees them smaller and smaller. Noise and variance are shares of the whole spread of what it sees: with a seed of
#: five times the best among the trials, a few per cent would be noise to it.
NEARBY = 0.3
#: With fewer successes than this, not even the default's surroundings are worth learning first.
FEW = 3
#: How often a step of a walk is to any value.
FAR = 0.2
#: The most trials that a model is fitted to: the fastest and the latest.
MODELLED = 200


@attrs.frozen
class GuidedSearch:
    """``start`` steps from the best to learn from, then ``batch`` points at a time; ends after ``patience`` batches
    without ``gain``. Where next to nothing is known to work, ``spread`` even points come first.

    Each batch is chosen, by all that is known, of ``ahead`` points that compile while the batch before is measured.

    ``copies`` best points are what walks of at most ``radius`` steps, ``walks`` in all, start from.
    """

    spread: int = 8
    start: int = 16
    batch: int = 8
    patience: int = 4
    gain: float = 0.995
    copies: int = 4
    walks: int = 160
    radius: int = 4
    anywhere: int = 24
    rounds: int = 64
    ahead: int = 16

    def search(self, space: Space, objective: Objective, rng: np.random.Generator) -> None:
        """See :class:`helion_autotune.Strategy`."""
        self.begin(space, objective, rng)
        models = Models(Distances(space))
        ready: list[Point] = []

        def propose() -> list[Point]:
            points, later = self.propose(space, objective.trials, models, rng, ready)
            ready[:] = later
            objective.prepare([*points, *later])
            return points

        in_rounds(objective, propose, rounds=self.rounds, patience=self.patience, gain=self.gain)

    def begin(self, space: Space, objective: Objective, rng: np.random.Generator) -> None:
        """Evaluate the default, an even spread where little is known, and some steps from the best point of these."""
        objective.evaluate(space.default)
        if len(_ranked(objective.trials)) < FEW:
            spread = sobol_points(space, rng, self.spread, _tried(objective))
            _evaluate_any(objective, spread)
        if objective.best is None:
            return
        tried = _tried(objective)
        near = [point for point in space.neighbours(objective.best.point) if point not in tried]
        order = rng.permutation(len(near))
        _evaluate_any(objective, [near[index] for index in order[: self.start]])

    def propose(
        self,
        space: Space,
        trials: Sequence[Trial],
        models: Models,
        rng: np.random.Generator,
        ready: Sequence[Point] = (),
    ) -> tuple[list[Point], list[Point]]:
        """The next batch, of ``ready`` points if there are any, and points that the one after it will be chosen of.

        Both are of untried points, the first of up to ``batch``; both are empty when the space is exhausted.
        """
        tried = {trial.point for trial in trials}
        ranked = _ranked(trials)
        if len(ranked) < 2 or not space.dimensions:
            return random_points(space, rng, self.batch, tried), []
        others = self._pool(space, ranked, rng, {*tried, *ready})
        if len(ready) + len(others) <= self.batch:
            return [*ready, *others], []
        return models.choose(trials, ready, others, self.batch, self.ahead)

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

    def choose(
        self,
        trials: Sequence[Trial],
        ready: Sequence[Point],
        others: Sequence[Point],
        count: int,
        ahead: int,
    ) -> tuple[list[Point], list[Point]]:
        """``count`` points, of those that are ``ready`` if there are any, and ``ahead`` more of all that are left."""
        import numpy as np

        seen = _modelled(trials)
        worked = [trial for trial in seen if trial.ok]
        values = levels(np.asarray([trial.value for trial in worked]))
        process = fit(self.distances, [trial.point for trial in worked], values, self._time)
        self._time = process.settings
        pool = [*ready, *others]
        picker = _Picker(process, self._likely(seen, pool), pool)
        now = picker.pick(count, len(ready) or len(pool))
        later = picker.pick(ahead, len(pool))
        return [pool[index] for index in now], [pool[index] for index in later]

    def _likely(self, seen: Sequence[Trial], pool: Sequence[Point]) -> Array:
        """How likely each point of ``pool`` is to work."""
        import numpy as np

        works = np.asarray([float(trial.ok) for trial in seen])
        if works.all():
            return np.ones(len(pool))
        process = fit(self.distances, [trial.point for trial in seen], works, self._works)
        self._works = process.settings
        return np.asarray(np.clip(process.mean_at(pool), 0.02, 1.0))


class _Picker:
    """Picks points of a pool by expected improvement times ``likely``, one after the other.

    A picked point is believed at its mean, which changes no mean, and makes its surroundings surer.
    """

    def __init__(self, process: AdditiveProcess, likely: Array, pool: Sequence[Point]) -> None:
        self._mean, self._covariance = process.predict(pool)
        self._noise = process.settings.noise * process.scale**2
        self._best = float(process.values.min())
        self._likely = likely
        self._picked: list[int] = []

    def pick(self, count: int, first: int) -> list[int]:
        """The places of up to ``count`` more points, of the ``first`` ones."""
        left = first - sum(index < first for index in self._picked)
        return [self._next(first) for _ in range(min(count, left))]

    def _next(self, first: int) -> int:
        import numpy as np

        deviation = np.sqrt(np.maximum(np.diag(self._covariance), 1e-12))
        score = expected_improvement(self._mean, deviation, self._best) * self._likely
        score[self._picked] = -1.0
        index = int(np.argmax(score[:first]))
        self._picked.append(index)
        self._best = min(self._best, float(self._mean[index]))
        column = self._covariance[:, index]
        believed = np.outer(column, column) / (column[index] + self._noise)
        self._covariance = self._covariance - believed
        return index


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


def levels(times: Array) -> Array:
    """What the model sees of times: their order, and how far each lies above the best, small distances in detail."""
    import numpy as np

    logs = np.log(np.maximum(times, 1e-9))
    above = np.minimum(logs - logs.min(), math.log(CLIPPED))
    return np.asarray(np.log1p(above / NEARBY))


def _tried(objective: Objective) -> set[Point]:
    return {trial.point for trial in objective.trials}


def _evaluate_any(objective: Objective, points: Sequence[Point]) -> None:
    if points:
        objective.evaluate_many(points)


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
