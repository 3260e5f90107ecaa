"""How much each parameter mattered, by a model of the trials.

In: points with their times. Out: shares of the variance of the logarithm of the time, which need not add up to one:
what parameters do together counts for each of them. The model is the additive Gaussian process of guided search; a
parameter's share is how much worse it predicts when that parameter's values are shuffled among the points
("permutation importance": L. Breiman, "Random Forests", Machine Learning 45 (2001)), on points that it has not seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion_autotune.strategies.additive_process import Distances, fit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from helion_autotune.parameters import Parameter
    from helion_autotune.trial import Trial

    Array = NDArray[np.float64]

#: Fewer successes teach nothing worth showing.
FEWEST = 16
#: More are thinned out evenly: a model of them would take minutes.
MOST = 400
FOLDS = 4
SHUFFLES = 3


def importances(parameters: Mapping[str, Parameter], trials: Sequence[Trial]) -> dict[str, float]:
    """The share of each parameter, the largest first; empty where there is too little to learn from."""
    import numpy as np

    worked = sorted((trial for trial in trials if trial.ok), key=lambda trial: trial.point.text)
    if len(worked) < FEWEST or not parameters:
        return {}
    rng = np.random.default_rng(0)
    chosen = rng.permutation(len(worked))[:MOST]
    points = [worked[index].point for index in chosen]
    values = np.log(np.maximum([worked[index].milliseconds for index in chosen], 1e-9))
    variance = float(values.var())
    if variance == 0.0:
        return {}
    from helion_autotune.space import Space

    space = Space(parameters)
    names = [name for name, parameter in parameters.items() if parameter.cardinality > 1]
    worse = dict.fromkeys(names, 0.0)
    for fold in range(FOLDS):
        held = [place for place in range(len(points)) if place % FOLDS == fold]
        taught = [place for place in range(len(points)) if place % FOLDS != fold]
        process = fit(Distances(space), [points[place] for place in taught], values[taught])
        process = fit(
            Distances(space), [points[place] for place in taught], values[taught], process.settings
        )
        unseen = [points[place] for place in held]
        right = _error(process.mean_at(unseen), values[held])
        for name in names:
            for _ in range(SHUFFLES):
                order = rng.permutation(len(unseen))
                mixed = [
                    space.point({**point, name: unseen[other][name]})
                    for point, other in zip(unseen, order, strict=True)
                ]
                worse[name] += _error(process.mean_at(mixed), values[held]) - right
    # Shuffling adds twice the variance that a parameter explains.
    scale = 2.0 * variance * FOLDS * SHUFFLES
    shares = {name: max(more / scale, 0.0) for name, more in worse.items()}
    return dict(sorted(shares.items(), key=lambda item: -item[1]))


def _error(predicted: Array, values: Array) -> float:
    """The mean squared error."""
    return float(((predicted - values) ** 2).mean())
