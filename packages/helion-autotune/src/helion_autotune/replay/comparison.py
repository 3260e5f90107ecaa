"""Strategies beside each other: their mean regret after so many evaluations, and how sure that is.

In: problems, strategies by name, seeds. Out: for each strategy and number of evaluations, the mean over all problems
and seeds, and that of the difference from the first strategy, run by run, with bootstrap confidence intervals.
Runs of one problem resemble each other, so there are two questions, each with its interval. Other seeds on the same
problems: the runs of each problem are drawn anew (stratified). Other problems of the kind: problems are drawn first and
runs of each then (in two stages), and no number of seeds narrows that beyond what the number of problems allows.
Source: A. C. Davison, D. V. Hinkley, "Bootstrap Methods and their Application" (1997), section 3.8.
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
class Interval:
    """The ends of a confidence interval."""

    low: float
    high: float


@attrs.frozen
class Estimate:
    """A mean, where it would lie with ``other_seeds`` on the same problems, and where on ``other_problems``."""

    mean: float
    other_seeds: Interval
    other_problems: Interval


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
    first_seed: int = 0,
    told: Callable[[str, Problem], None] = lambda _name, _problem: None,
) -> Comparison:
    """Search every problem with every strategy and ``seeds`` seeds; compare ``after`` these numbers of evaluations.

    Seeds count from ``first_seed``: what was chosen with some is to be confirmed with others.
    ``told`` is called before each strategy and problem, for progress.
    """
    runs: dict[str, tuple[Replay, ...]] = {}
    for name, make in strategies.items():
        done = []
        for problem in problems:
            told(name, problem)
            done += [
                replay(problem, make(), rng_seed=s, evaluations=max(after), seeded=seeded)
                for s in range(first_seed, first_seed + seeds)
            ]
        runs[name] = tuple(done)
    return Comparison(tuple(_rows(runs, seeds, after)), runs)


def _rows(runs: Mapping[str, Sequence[Replay]], seeds: int, after: Sequence[int]) -> list[Row]:
    import numpy as np

    first = next(iter(runs))
    rows = []
    for evaluations in after:
        regrets = {
            name: np.asarray([run.regret(evaluations) for run in done]).reshape(-1, seeds)
            for name, done in runs.items()
        }
        for name, values in regrets.items():
            behind = None if name == first else estimate(values - regrets[first])
            rows.append(Row(name, evaluations, estimate(values), behind))
    return rows


def estimate(values: NDArray[np.float64]) -> Estimate:
    """The mean of ``values``, problems x seeds, with percentile intervals; the same for the same values."""
    import numpy as np

    problems, seeds = values.shape
    rng = np.random.default_rng(0)
    same = np.arange(problems)[:, None]
    drawn = rng.integers(problems, size=(RESAMPLES, problems, 1))
    runs = rng.integers(seeds, size=(RESAMPLES, problems, seeds))
    return Estimate(
        float(values.mean()),
        _interval(values[same, runs].mean(axis=(1, 2))),
        _interval(values[drawn, runs].mean(axis=(1, 2))),
    )


def _interval(means: NDArray[np.float64]) -> Interval:
    """What holds the middle of these means of resamples."""
    import numpy as np

    outside = (1.0 - CONFIDENCE) / 2.0
    low, high = np.quantile(means, [outside, 1.0 - outside])
    return Interval(float(low), float(high))
