"""Measures the best few again, in turns, so that the winner is not the luckiest of many noisy times.

In: trials. Out: the best ones with new times, in ms. Turns are interleaved: a clock that drifts slows all alike. What
that takes is a part of the session's time.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

import attrs

from helion_autotune.trial import Status, Trial

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion_autotune.budget import Budget
    from helion_autotune.runner import ThreadedRunner

ROUNDS = 3
#: Of a session's time, what it may take at most.
SHARE = 0.25
#: Seconds in which a caller builds, keeps and starts the winner.
ENDING = 0.3


@attrs.frozen
class Finalist:
    """A trial as it was searched, its times when measured again (ms), and the trial that follows from them."""

    searched: Trial
    times: tuple[float, ...]
    trial: Trial


def seconds_needed(runner: ThreadedRunner, budget: Budget, count: int) -> float:
    """What a search's end will take, as far as is known; a share of the budget at most: measuring ``count`` finalists
    again, the measurement that is under way by then, and what the caller does with the winner.
    """
    measured = (ROUNDS * count if count > 1 else 0) + 1
    needed = measured * runner.seconds_to_measure + ENDING
    return needed if budget.seconds is None else min(needed, SHARE * budget.seconds)


def measure_again(
    runner: ThreadedRunner, trials: Sequence[Trial], count: int
) -> tuple[Finalist, ...]:
    """The ``count`` best trials, measured ``ROUNDS`` times each; empty when fewer than two compete.

    A finalist that fails once has failed: a candidate that works only sometimes must not win.
    """
    ranked = sorted((trial for trial in trials if trial.ok), key=lambda trial: trial.milliseconds)
    best = ranked[:count]
    if len(best) < 2:
        return ()
    candidates = runner.compile_all([trial.point for trial in best])
    times: list[list[float]] = [[] for _ in best]
    failures: dict[int, Trial] = {}
    for _ in range(ROUNDS):
        for index, candidate in enumerate(candidates):
            if index in failures:
                continue
            trial = runner.measure(candidate, None)
            if trial.ok:
                times[index].append(trial.milliseconds)
            else:
                failures[index] = trial
    return tuple(
        Finalist(trial, tuple(times[index]), failures.get(index) or _settled(trial, times[index]))
        for index, trial in enumerate(best)
    )


def _settled(trial: Trial, times: Sequence[float]) -> Trial:
    return Trial(trial.point, Status.OK, statistics.median(times), trial.compile_seconds)
