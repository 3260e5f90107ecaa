"""Strategies beside each other: their mean regret after so many evaluations, and how sure that is.

In: problems, strategies by name, seeds. Out: for each strategy and number of evaluations, the mean over all problems
and seeds with a bootstrap confidence interval, and that of the difference from the first strategy, run by run.
Source: B. Efron, R. J. Tibshirani, "An Introduction to the Bootstrap" (1993); ``scipy.stats.bootstrap``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from helion_autotune.replay.replaying import Problem, Replay, replay

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from helion_autotune.strategies import Strategy

#: Resamples of a bootstrap, and how much of them an interval holds.
RESAMPLES = 2000
CONFIDENCE = 0.95


@attrs.frozen
class Estimate:
    """A mean with the ends of its confidence interval."""

    mean: float
    low: float
    high: float


@attrs.frozen
class Row:
    """One strategy after ``evaluations``; ``behind`` the first strategy is None for that one itself."""

    strategy: str
    evaluations: int
    regret: Estimate
    behind: Estimate | None


@attrs.frozen
class Comparison:
    """All rows, the runs behind them by strategy, and the strategies in the order in which they were named."""

    rows: tuple[Row, ...]
    replays: Mapping[str, tuple[Replay, ...]]

    @property
    def after(self) -> tuple[int, ...]:
        """The numbers of evaluations, in order."""
        return tuple(dict.fromkeys(row.evaluations for row in self.rows))

    def row(self, strategy: str, evaluations: int) -> Row:
        """The row of one strategy; raises KeyError when it was not compared there."""
        for row in self.rows:
            if (row.strategy, row.evaluations) == (strategy, evaluations):
                return row
        raise KeyError((strategy, evaluations))

    def to_json(self) -> dict[str, Any]:
        """Every row, and the regret of every run."""
        return {
            "confidence": CONFIDENCE,
            "rows": [attrs.asdict(row) for row in self.rows],
            "runs": [
                {
                    "strategy": name,
                    "problem": run.problem.name,
                    "rng_seed": run.rng_seed,
                    "regret": {str(number): run.regret(number) for number in self.after},
                }
                for name, runs in self.replays.items()
                for run in runs
            ],
        }


def compare(
    problems: Sequence[Problem],
    strategies: Mapping[str, Callable[[], Strategy]],
    *,
    seeds: int,
    after: Sequence[int],
    seeded: bool = True,
    told: Callable[[str, Problem], None] = lambda _name, _problem: None,
) -> Comparison:
    """Search every problem with every strategy and ``seeds`` seeds; compare ``after`` these numbers of evaluations.

    ``told`` is called before each strategy and problem, for progress.
    """
    runs: dict[str, tuple[Replay, ...]] = {}
    for name, make in strategies.items():
        done = []
        for problem in problems:
            told(name, problem)
            done += [
                replay(problem, make(), rng_seed=s, evaluations=max(after), seeded=seeded)
                for s in range(seeds)
            ]
        runs[name] = tuple(done)
    return Comparison(tuple(_rows(runs, after)), runs)


def _rows(runs: Mapping[str, Sequence[Replay]], after: Sequence[int]) -> list[Row]:
    import numpy as np

    first = next(iter(runs))
    rows = []
    for evaluations in after:
        regrets = {
            name: np.asarray([run.regret(evaluations) for run in done])
            for name, done in runs.items()
        }
        for name, values in regrets.items():
            behind = None if name == first else estimate(values - regrets[first])
            rows.append(Row(name, evaluations, estimate(values), behind))
    return rows


def estimate(values: NDArray[np.float64]) -> Estimate:
    """The mean of ``values`` with its percentile bootstrap interval; the same for the same values."""
    import numpy as np
    from scipy.stats import bootstrap

    mean = float(values.mean())
    if len(values) < 2 or bool(np.all(values == values[0])):
        return Estimate(mean, mean, mean)
    interval = bootstrap(
        (values,),
        np.mean,
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return Estimate(mean, float(interval.low), float(interval.high))
