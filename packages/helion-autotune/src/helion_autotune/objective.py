"""The one gate between strategies and workloads.

In: points, in batches. Out: their trials, in the same order. On the way: what was tried before is not tried again
(in this session, or in the records), points that the space rejects cost nothing, the budget is checked, the rest is
compiled and measured by a Runner, recorded, and reported.
"""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING, NoReturn

from helion_autotune.budget import NO_LIMIT, Budget, SearchStopped
from helion_autotune.progress import Generation, NoProgress, Progress, median
from helion_autotune.records import Records, RecordsError, StoredResult
from helion_autotune.similar_keys import nearest_results
from helion_autotune.trial import Status, Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from helion_autotune.json_values import JsonValue
    from helion_autotune.point import Point
    from helion_autotune.runner import Clock, Runner
    from helion_autotune.space import Space

#: How many of the best trials a generation's line speaks of.
TOP = 20
#: Recorded trials that are not tried again. Run errors and timeouts may have been the machine's fault, so they are.
FINAL = frozenset({Status.OK, Status.COMPILE_ERROR, Status.WRONG_RESULT})
#: How many seeds are measured, at most, after a time limit that came before the first measurement.
MADE_UP = 3


class Objective:
    """Evaluates points for one session; used by one thread."""

    def __init__(
        self,
        space: Space,
        runner: Runner,
        *,
        budget: Budget = NO_LIMIT,
        seeds: Iterable[Mapping[str, JsonValue]] = (),
        key: str = "",
        records: Records | None = None,
        progress: Progress | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        self.space = space
        self.budget = budget
        #: Points worth trying first, given by the caller; the session evaluates them before the strategy begins.
        self.seeds: tuple[Point, ...] = tuple(dict.fromkeys(space.point(seed) for seed in seeds))
        self._runner = runner
        self._key = key
        self._records = records
        self.progress = progress or NoProgress()
        self._clock = clock
        self._start = clock() if budget.began is None else budget.began
        self._reserve: Callable[[], float] = float  # nothing
        self._trials: dict[Point, Trial] = {}
        self._best_ms: float | None = None
        self._top: list[Trial] = []
        self._generations = 0
        own = {} if records is None else records.trials(space.fingerprint, key)
        #: Known from a space that was another one then; recorded again, as one of this space, when asked for.
        self._adopted = {} if records is None else records.earlier_trials(space, key)
        recorded = {**self._adopted, **own}
        self._recorded = {p: t for p, t in recorded.items() if t.status in FINAL}
        for point in own:
            self._adopted.pop(point, None)

    # -- what a strategy sees -------------------------------------------------------------------

    def evaluate_many(self, points: Sequence[Point]) -> list[Trial]:
        """The trial of each point, in order; a failed one has ``inf`` as its value.

        One call is one generation: give whole batches. When the budget is spent the search ends inside this call;
        a strategy has nothing to catch and nothing to return.
        """
        points = [self.space.point(point) for point in points]
        deadline = self._deadline()
        self._stop_if_spent(deadline)
        fresh = [point for point in dict.fromkeys(points) if not self._known(point)]
        left = self._evaluations_left()
        allowed = fresh if left is None else fresh[:left]
        if allowed:
            self._evaluate(allowed, deadline)
        if any(point not in self._trials for point in points):
            # Another deadline might leave less for the finalists, and be later.
            self._stop_if_spent(deadline)
            raise RuntimeError(
                "the runner gave no trial for some points, yet the budget is not spent"
            )
        return [self._trials[point] for point in points]

    def evaluate(self, point: Point) -> Trial:
        """One point; prefer :meth:`evaluate_many`, which compiles in parallel."""
        return self.evaluate_many([point])[0]

    def prepare(self, points: Sequence[Point]) -> None:
        """Say what will most likely be asked for next: it is compiled while other points are measured.

        Costs nothing of the budget and changes no result. Each call replaces what the last one said.
        """
        left = self._evaluations_left()
        fresh = [
            point
            for point in dict.fromkeys(map(self.space.point, points))
            if point not in self._trials
            and point not in self._recorded
            and not self.space.check(point)
        ]
        self._runner.prepare(fresh if left is None else fresh[:left])

    def stop(self, reason: str) -> NoReturn:
        """End the search, saying why; a strategy may just as well return."""
        raise SearchStopped(reason)

    @property
    def trials(self) -> tuple[Trial, ...]:
        """All trials so far, rejected points included, in the order in which they were asked for."""
        return tuple(self._trials.values())

    @property
    def best(self) -> Trial | None:
        """The fastest trial so far; of equals, the first."""
        worked = [trial for trial in self._trials.values() if trial.ok]
        return min(worked, key=lambda trial: trial.milliseconds, default=None)

    @property
    def evaluations(self) -> int:
        """How many evaluations count towards the budget."""
        return sum(trial.status is not Status.REJECTED for trial in self._trials.values())

    def similar_results(self, count: int) -> tuple[StoredResult, ...]:
        """What the records hold under other keys, at most ``count`` results, those of the most similar keys first."""
        if self._records is None:
            return ()
        return nearest_results(self._records.results(), self._key, count)

    @property
    def seconds(self) -> float:
        """Since the session began, or since the budget's seconds count."""
        return self._clock() - self._start

    def leave_time(self, reserve: Callable[[], float]) -> None:
        """Leave so many of the budget's seconds over; ``reserve`` says how many, as far as is known by then."""
        self._reserve = reserve

    def make_up(self) -> None:
        """Where the time was over before anything could be measured: measure first seeds until one works.

        A search that has just begun to compile would otherwise have nothing to show. No more than a few are tried.
        """
        points = self.seeds or (self.space.default,)
        for point in points[:MADE_UP]:
            if self._best_ms is not None or self._evaluations_left() == 0:
                return
            if not self._known(point):
                self._evaluate([point], None)

    # -- inside ---------------------------------------------------------------------------------

    @property
    def recorded(self) -> int:
        """How many trials the records hold for this space and key that need no evaluation."""
        return len(self._recorded)

    def _known(self, point: Point) -> bool:
        """Whether the trial is known without evaluating; rejections and records within the budget become known."""
        if point in self._trials:
            return True
        violations = self.space.check(point)
        if violations:
            reasons = "; ".join(map(str, violations))
            self._trials[point] = Trial(point, Status.REJECTED, error=reasons)
            return True
        return False

    def _evaluate(self, points: list[Point], deadline: float | None) -> None:
        finished = {point: self._recorded[point] for point in points if point in self._recorded}
        for trial in finished.values():
            if trial.point in self._adopted:
                self._record(trial)
            self._note(trial)
        fresh = [point for point in points if point not in finished]
        try:
            for trial in self._runner.run(fresh, lambda: self._best_ms, deadline):
                finished[trial.point] = trial
                self._record(trial)
                self._note(trial)
        finally:  # in the order asked for, not in the order of completion: a search repeats for a seed
            self._trials.update((point, finished[point]) for point in points if point in finished)
            if finished:
                self._report(list(finished.values()))

    def _note(self, trial: Trial) -> None:
        if trial.ok and (self._best_ms is None or trial.milliseconds < self._best_ms):
            self._best_ms = trial.milliseconds
        self.progress.trial(trial)

    def _record(self, trial: Trial) -> None:
        if self._records is None:
            return
        try:
            self._records.add_trial(self.space.fingerprint, self._key, trial)
        except RecordsError as error:  # a full disk must not cost what was found so far
            self._records = None
            warnings.warn(f"{error}. The search goes on, unrecorded", RuntimeWarning, stacklevel=2)

    def _report(self, generation: list[Trial]) -> None:
        worked = [trial for trial in self._trials.values() if trial.ok]
        top = sorted(worked, key=lambda trial: trial.milliseconds)[:TOP]
        before = {trial.point for trial in self._top}
        times = [trial.milliseconds for trial in top]
        self._generations += 1
        self._top = top
        self.progress.generation(
            Generation(
                number=self._generations,
                seconds=self.seconds,
                replaced=sum(trial.point not in before for trial in top),
                failed=sum(not trial.ok for trial in generation),
                minimum=times[0] if times else None,
                middle=median(times) if times else None,
                maximum=times[-1] if times else None,
                best=top[0] if top else None,
            )
        )

    def _deadline(self) -> float | None:
        """The time of the clock from which on nothing is begun."""
        seconds = self.budget.seconds
        return None if seconds is None else self._start + seconds - self._reserve()

    def _evaluations_left(self) -> int | None:
        if self.budget.evaluations is None:
            return None
        return max(self.budget.evaluations - self.evaluations, 0)

    def _stop_if_spent(self, deadline: float | None) -> None:
        if deadline is not None and self._clock() >= deadline:
            self.stop(f"the budget of {self.budget.seconds:g} s is spent")
        if self._evaluations_left() == 0:
            self.stop(f"the budget of {self.budget.evaluations} evaluations is spent")
