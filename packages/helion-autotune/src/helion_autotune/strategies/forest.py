"""Forest search: a random forest tells good points from bad ones, and steps from the best ones are tried by its word.

No model of the time itself: the best share of what was tried is labelled good, each weighted by how far it lies below
that threshold, everything else bad, failures included; the classifier's probability then ranks candidates as an
acquisition function would. Candidates are short random walks from the best points, as in pattern search.
Sources: J. Song, L. Yu, W. Neiswanger, S. Ermon, "A General Recipe for Likelihood-free Bayesian Optimization", ICML
2022; PyTorch's Helion searches by the same idea. Needs scikit-learn: ``pip install helion-autotune[forest]``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import attrs

from helion_autotune.strategies.random import random_points
from helion_autotune.strategies.rounds import in_rounds
from helion_autotune.strategies.sobol import sobol_points
from helion_autotune.trial import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from helion_autotune.objective import Objective
    from helion_autotune.point import Point
    from helion_autotune.space import Space
    from helion_autotune.trial import Trial


@attrs.frozen
class ForestSearch:
    """``start`` even points, then ``batch`` at a time; ends after ``patience`` batches without ``gain``.

    ``good``: the share of trials that counts as good. Candidates are up to ``walks`` walks of at most ``radius`` steps
    from each of the ``copies`` best points.
    """

    start: int = 32
    batch: int = 16
    good: float = 0.25
    copies: int = 5
    walks: int = 100
    radius: int = 3
    trees: int = 100
    patience: int = 3
    gain: float = 0.99
    rounds: int = 64

    def search(self, space: Space, objective: Objective, rng: np.random.Generator) -> None:
        """See :class:`helion_autotune.Strategy`; raises ImportError, with what to install, without scikit-learn."""
        forest = _forest_class()
        tried = {trial.point for trial in objective.trials} | {space.default}
        objective.evaluate_many([space.default, *sobol_points(space, rng, self.start, tried)])
        in_rounds(
            objective,
            lambda: self._propose(forest, space, objective.trials, rng),
            rounds=self.rounds,
            patience=self.patience,
            gain=self.gain,
        )

    def _propose(
        self, forest: Any, space: Space, trials: Sequence[Trial], rng: np.random.Generator
    ) -> list[Point]:
        """The untried candidates that the forest believes in most; random ones while there is nothing to learn."""
        import numpy as np

        tried = {trial.point for trial in trials}
        ranked = sorted((trial for trial in trials if trial.ok), key=lambda trial: trial.value)
        seen = [trial for trial in trials if trial.status is not Status.REJECTED]
        if len(ranked) < 2 or not space.dimensions:
            return random_points(space, rng, self.batch, tried)
        pool = self._walked(space, [trial.point for trial in ranked[: self.copies]], rng, tried)
        if len(pool) <= self.batch:
            return pool + random_points(space, rng, self.batch - len(pool), tried | set(pool))
        labels, weights = self._labels(seen, ranked)
        model = forest(n_estimators=self.trees, random_state=int(rng.integers(2**31)), n_jobs=1)
        model.fit(np.stack([space.encode(t.point) for t in seen]), labels, sample_weight=weights)
        rows = np.stack([space.encode(point) for point in pool])
        probability = model.predict_proba(rows)[:, list(model.classes_).index(1)]
        best = np.argsort(-probability, kind="stable")[: self.batch]
        return [pool[index] for index in best]

    def _labels(
        self, seen: Sequence[Trial], ranked: Sequence[Trial]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """1 for good trials and 0 for bad ones, and weights of which both classes have half."""
        import numpy as np

        threshold = ranked[max(1, math.ceil(self.good * len(ranked)) - 1)].value
        labels = np.asarray([int(trial.value <= threshold) for trial in seen])
        gains = np.asarray([_gain(trial, threshold) for trial in seen])
        weights = np.where(labels == 1, gains + 0.1 * float(gains.max()) + 1e-6, 1.0)
        for label in (0, 1):
            own = labels == label
            weights[own] /= max(float(weights[own].sum()), 1e-12)
        return labels, weights

    def _walked(
        self,
        space: Space,
        starts: Sequence[Point],
        rng: np.random.Generator,
        tried: set[Point],
    ) -> list[Point]:
        """The untried ends of random walks from each of ``starts``, each once."""
        found: dict[Point, None] = {}
        for start in starts:
            near = space.neighbours(start)
            for _ in range(self.walks if near else 0):
                point = near[int(rng.integers(len(near)))]
                for _ in range(int(rng.integers(self.radius))):
                    point = _stepped(space, point, rng)
                if point not in tried:
                    found[point] = None
        return list(found)


def _gain(trial: Trial, threshold: float) -> float:
    """How far below the threshold a time is, as the logarithm of their ratio; 0 for times above it and failures."""
    return math.log(threshold / trial.value) if 0 < trial.value < threshold else 0.0


def _stepped(space: Space, point: Point, rng: np.random.Generator) -> Point:
    """``point`` with one parameter a step away, or itself where the constraints allow no step that is drawn."""
    active = sorted(space.active(point))
    name = active[int(rng.integers(len(active)))]
    values = space.parameters[name].neighbours(point[name])
    if not values:
        return point
    return space.changed(point, name, values[int(rng.integers(len(values)))]) or point


def _forest_class() -> Any:
    try:
        from sklearn.ensemble import RandomForestClassifier
    except ModuleNotFoundError as error:
        if error.name != "sklearn":
            raise
        raise ImportError(
            "the strategy 'forest' needs scikit-learn: pip install 'helion-autotune[forest]'"
        ) from error
    return RandomForestClassifier
