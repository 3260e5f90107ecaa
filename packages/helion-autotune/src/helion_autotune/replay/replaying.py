"""One search whose every evaluation is known beforehand.

In: a problem (a recording, or a landscape made of formulas), a strategy, a seed, and how many evaluations it may make.
Out: the best time after each of them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import attrs

from helion_autotune.budget import Budget, SearchStopped
from helion_autotune.objective import Objective
from helion_autotune.trial import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from helion_autotune.point import Point
    from helion_autotune.space import Space
    from helion_autotune.strategies import Strategy
    from helion_autotune.trial import Trial


class Problem(Protocol):
    """Something to search: its space, where a search starts, the best and the worst there is, and every trial."""

    @property
    def name(self) -> str:
        """For tables."""

    @property
    def space(self) -> Space:
        """What is searched."""

    @property
    def seeds(self) -> tuple[Point, ...]:
        """Points that a search starts with."""

    @property
    def best_ms(self) -> float:
        """The shortest time, in milliseconds."""

    @property
    def worst_ms(self) -> float:
        """The longest time, in milliseconds."""

    def trial(self, point: Point) -> Trial:
        """What an evaluation gives."""


@attrs.frozen
class Replay:
    """``best_ms[n]``: the shortest time, in milliseconds, after n + 1 evaluations; ``inf`` before the first success."""

    problem: Problem
    rng_seed: int
    best_ms: tuple[float, ...]

    def regret(self, evaluations: int) -> float:
        """How much slower than the best recorded the best so far is, as a share: 0.03 is three percent.

        A search that had ended by then keeps what it had; one without any success yet counts as the slowest recorded.
        """
        reached = (
            self.best_ms[min(evaluations, len(self.best_ms)) - 1] if self.best_ms else math.inf
        )
        best = self.problem.best_ms
        return (self.problem.worst_ms if math.isinf(reached) else reached) / best - 1.0


@attrs.define(eq=False)
class KnownRunner:
    """Answers from a problem; see :class:`helion_autotune.runner.Runner`."""

    problem: Problem
    jobs: int = 1

    def prepare(self, points: Sequence[Point]) -> None:
        """Nothing to prepare."""

    def run(
        self,
        points: Sequence[Point],
        incumbent: Callable[[], float | None],  # noqa: ARG002 - nothing is given up early
        deadline: float | None,  # noqa: ARG002 - nothing takes time
    ) -> Iterator[Trial]:
        """The trial of each point."""
        for point in points:
            yield self.problem.trial(point)

    def close(self) -> None:
        """Nothing to let go of."""


def replay(
    problem: Problem,
    strategy: Strategy,
    *,
    rng_seed: int,
    evaluations: int,
    seeded: bool = True,
) -> Replay:
    """Search ``problem`` with ``strategy``, from its seeds unless told otherwise."""
    import numpy as np

    objective = Objective(
        problem.space,
        KnownRunner(problem),
        budget=Budget(evaluations=evaluations),
        seeds=problem.seeds if seeded else (),
    )
    try:
        if objective.seeds:
            objective.evaluate_many(objective.seeds)
        strategy.search(problem.space, objective, np.random.default_rng(rng_seed))
    except SearchStopped:
        pass
    best, reached = math.inf, []
    for trial in objective.trials:
        if trial.status is Status.REJECTED:
            continue
        best = min(best, trial.value)
        reached.append(best)
    return Replay(problem, rng_seed, tuple(reached))
