"""One tuning session from start to result.

In: a space, a workload, and how hard to try. Out: a Result; the records, if any, hold every evaluation.
"""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from helion_autotune.budget import NO_LIMIT, Budget, SearchStopped
from helion_autotune.finalists import Finalist, measure_again, seconds_needed
from helion_autotune.isolation_limits import IN_A_WORKER, Isolation
from helion_autotune.objective import Objective
from helion_autotune.progress import NoProgress, Progress, SearchEnded, SearchStarted
from helion_autotune.records import Records, RecordsError, StoredResult
from helion_autotune.runner import CannotMeasureError, Clock, InProcessRunner, ThreadedRunner
from helion_autotune.steadiness import noise_floor, slowdown, wrong_results
from helion_autotune.strategies import Strategy
from helion_autotune.strategies import strategy as strategy_named

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from helion_autotune.json_values import JsonValue
    from helion_autotune.space import Space
    from helion_autotune.trial import Trial
    from helion_autotune.workload import Workload


def _counted(items: tuple[object, ...]) -> str:
    return f"<{len(items)} of them>"


@attrs.frozen
class Result:
    """What a session found. ``best`` has the time of its last measurement, in milliseconds.

    ``noise``: the share of a time within which the finalists' times are not told apart; None without finalists.
    ``remarks``: sentences on what one should know: wrong results among the candidates, a GPU that slowed down.
    """

    best: Trial
    trials: tuple[Trial, ...] = attrs.field(repr=_counted)
    seconds: float
    stopped_because: str
    finalists: tuple[Finalist, ...] = attrs.field(default=(), repr=_counted)
    noise: float | None = None
    remarks: tuple[str, ...] = ()


class NoCandidateWorked(RuntimeError):  # noqa: N818 - named by what it reports; part of the public interface
    """Not one point gave a time; ``trials`` holds them all, the message counts them by cause with an example each."""

    def __init__(self, trials: tuple[Trial, ...], headline: str | None = None) -> None:
        self.trials = trials
        counts = Counter(trial.status for trial in trials if not trial.ok)
        lines = [headline or f"no candidate worked, of {len(trials)} tried"]
        for status, count in counts.most_common():
            example = next(trial for trial in trials if trial.status is status)
            lines.append(f"  {status.value} x {count}, for example {example.point}")
            lines.append(f"    {_first_line(example.error)}")
        super().__init__("\n".join(lines))


def _first_line(error: str | None) -> str:
    return (error or "no message").strip().splitlines()[0]


def tune(  # noqa: PLR0913 - the public interface; all but two are keywords with defaults
    space: Space,
    workload: Workload[Any],
    *,
    strategy: str | Strategy = "default",
    budget: Budget = NO_LIMIT,
    seeds: Iterable[Mapping[str, JsonValue]] = (),
    key: str = "",
    records: Records | str | os.PathLike[str] | None = None,
    rng_seed: int = 0,
    jobs: int | None = None,
    progress: Progress | None = None,
    finalists: int = 4,
    isolation: Isolation | bool | None = None,
    clock: Clock = time.monotonic,
) -> Result:
    """Search ``space`` for the point that ``workload`` runs fastest.

    ``seeds`` are tried first (missing names at their defaults). With ``records`` (a path or Records), points recorded
    under this space and ``key`` are not evaluated again, every evaluation is recorded, and so is the result: tuning the
    same again after a kill goes on where it stopped. ``jobs`` threads compile. The ``finalists`` best are measured
    again, interleaved, and the best median wins; 0 or 1 skips that. ``clock`` gives seconds.

    ``isolation`` measures in a worker process, so that a candidate which crashes, hangs or exhausts memory is one
    failed trial. None does so where the workload says how (:class:`IsolableWorkload`), and warns where that cannot be;
    True, or an Isolation with other limits, also pickles workloads that say nothing, and raises where that cannot be;
    False measures in this process.

    Raises NoCandidateWorked when nothing gave a time, RecordsError when the records cannot be used (before any work),
    ValueError for an unknown strategy or a seed with unknown names.
    """
    chosen = strategy_named(strategy) if isinstance(strategy, str) else strategy
    if records is not None and not isinstance(records, Records):
        records = Records(records)
    if records is not None:
        records.prepare()
    told = progress or NoProgress()
    runner = _runner(workload, isolation, jobs, clock)  # first: workers start in the meantime
    try:
        objective = Objective(
            space,
            runner,
            budget=budget,
            seeds=seeds,
            key=key,
            records=records,
            progress=told,
            clock=clock,
        )
        objective.leave_time(partial(seconds_needed, runner, budget, finalists))
        if records is not None:
            records.add_session(space, key, objective.seeds)
        told.started(SearchStarted(space, budget, runner.jobs, objective.recorded))
        stopped_because, again = _searched(chosen, objective, runner, rng_seed, finalists)
    finally:
        runner.close()
    best = _winner(objective, again)
    noise, trials = noise_floor(again), objective.trials
    sentences = (slowdown(trials, again), wrong_results(trials))
    remarks = tuple(sentence for sentence in sentences if sentence is not None)
    told.ended(
        SearchEnded(objective.seconds, objective.evaluations, stopped_because, best, noise, remarks)
    )
    if best is None:
        failed = tuple(finalist.trial for finalist in again) or objective.trials
        headline = "none of the best candidates worked when measured again" if again else None
        raise NoCandidateWorked(failed, headline)
    result = Result(
        best, objective.trials, objective.seconds, stopped_because, again, noise, remarks
    )
    if records is not None:
        _store(records, space.fingerprint, key, result, objective.evaluations)
    return result


def _runner(
    workload: Workload[Any], isolation: Isolation | bool | None, jobs: int | None, clock: Clock
) -> ThreadedRunner:
    """Where the session measures."""
    if isolation is None:
        isolation = Isolation(required=False) if hasattr(workload, "blueprint") else False
    limits = Isolation() if isolation is True else isolation
    if limits is False:
        return InProcessRunner(workload, jobs=jobs, clock=clock)
    if IN_A_WORKER in os.environ:
        raise CannotMeasureError(
            "a module tunes while it is imported, here by a worker, which would go on without end; "
            'have it tune under `if __name__ == "__main__":`, or in a function'
        )
    if sys.platform != "linux":
        problem = f"isolated measuring needs Linux, and this is {sys.platform}"
        if limits.required:
            raise CannotMeasureError(problem)
        warnings.warn(
            f"candidates are measured in this process: {problem}", RuntimeWarning, stacklevel=3
        )
        return InProcessRunner(workload, jobs=jobs, clock=clock)
    from helion_autotune.isolation import IsolatedRunner, ParallelRunner, lane_source  # need Linux

    if limits.devices is None:
        return IsolatedRunner(workload, limits, jobs=jobs, clock=clock)
    source = lane_source(limits.devices)
    return ParallelRunner(workload, limits, source, jobs=jobs, clock=clock)


def _searched(
    strategy: Strategy,
    objective: Objective,
    runner: ThreadedRunner,
    rng_seed: int,
    finalists: int,
) -> tuple[str, tuple[Finalist, ...]]:
    """Why the search stopped, and the best measured again."""
    try:
        reason = _search(strategy, objective, rng_seed)
        runner.prepare(())
        return reason, measure_again(runner, objective.trials, finalists)
    except BaseException as error:  # a live display must close, whatever happened
        reason = f"ended by {type(error).__name__}"
        objective.progress.ended(
            SearchEnded(objective.seconds, objective.evaluations, reason, objective.best)
        )
        raise


def _store(records: Records, fingerprint: str, key: str, result: Result, evaluations: int) -> None:
    """Write the result down; a full disk must not cost the result itself."""
    best = result.best
    stored = StoredResult(
        best.point, best.milliseconds, result.seconds, evaluations, result.stopped_because
    )
    try:
        records.add_result(fingerprint, key, stored)
    except RecordsError as error:
        warnings.warn(f"{error}. The result is not stored", RuntimeWarning, stacklevel=3)


def _search(strategy: Strategy, objective: Objective, rng_seed: int) -> str:
    """Run the strategy, seeds first; why it stopped."""
    import numpy as np

    try:
        if objective.seeds:
            objective.evaluate_many(objective.seeds)
        strategy.search(objective.space, objective, np.random.default_rng(rng_seed))
    except SearchStopped as stopped:
        objective.make_up()
        return stopped.reason
    return "the strategy finished"


def _winner(objective: Objective, finalists: tuple[Finalist, ...]) -> Trial | None:
    if not finalists:
        return objective.best
    worked = [finalist.trial for finalist in finalists if finalist.trial.ok]
    return min(worked, key=lambda trial: trial.milliseconds, default=None)
