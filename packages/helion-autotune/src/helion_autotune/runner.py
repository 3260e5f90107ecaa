"""Runs points through a workload: compiles in threads, measures as compiles complete.

In: points, in order. Out: trials, in the order in which their compiles completed; points that the deadline cut off
give none. Nothing here knows of budgets in evaluations, records or strategies.
"""

from __future__ import annotations

import os
import statistics
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from helion_autotune.failures import error_text, failure_status
from helion_autotune.trial import Measurement, Status, Trial

if TYPE_CHECKING:
    from helion_autotune.point import Point
    from helion_autotune.workload import Workload

#: A compile is left behind when it takes this many times as long as most did, and
STRAGGLING = 8.0
#: at least this many seconds, and
STRAGGLING_SECONDS = 3.0
#: so many are there to compare it with.
STRAGGLING_BEHIND = 5

Clock = Callable[[], float]


class Runner(Protocol):
    """Where trials happen: in this process, in isolated workers; other hosts or a replay fit as well."""

    jobs: int

    def prepare(self, points: Sequence[Point]) -> None:
        """Points that will most likely be run next; those of an earlier call are no longer. Returns at once."""

    def run(
        self, points: Sequence[Point], incumbent: Callable[[], float | None], deadline: float | None
    ) -> Iterator[Trial]:
        """A trial for each point that was begun before ``deadline`` (a time of the runner's clock)."""

    def close(self) -> None:
        """Let go of threads and processes; compiles that have not begun are dropped."""


class CannotMeasureError(RuntimeError):
    """Nothing can be measured any more, whatever the candidate: ends the session."""


class CutOff(Exception):  # noqa: N818 - a signal
    """The deadline passed during a measurement, which therefore says nothing of its candidate."""


def available_cores() -> int:
    """The cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@attrs.frozen
class Compiled:
    """A candidate, or why there is none, and how long that took."""

    point: Point
    candidate: Any
    seconds: float
    error: Exception | None


@attrs.define(eq=False)
class Pending:
    """A compile under way; ``began`` is None while it waits for a thread."""

    point: Point
    future: Future[Compiled] = attrs.field(init=False)
    began: float | None = None


class ThreadedRunner(ABC):
    """Compiles in ``jobs`` threads of this process (default: one per core).

    Threads cannot be killed: a compile that never ends holds its thread, and the process when it exits; one that takes
    far longer than others is left behind, as a timeout, so that a whole batch need not wait for it.
    """

    def __init__(
        self, workload: Workload[Any], *, jobs: int | None = None, clock: Clock = time.monotonic
    ) -> None:
        self.jobs = available_cores() if jobs is None else jobs
        if self.jobs < 1:
            raise ValueError(f"jobs must be at least 1, got {jobs}")
        self._workload = workload
        self._clock = clock
        self._pool = ThreadPoolExecutor(self.jobs, thread_name_prefix="helion-autotune")
        self._compile_seconds: list[float] = []
        self._measure_seconds: list[float] = []
        self._ahead: dict[Point, Pending] = {}

    @property
    def seconds_to_measure(self) -> float:
        """What it takes to measure a candidate, as far as is known: 0 before one has been measured."""
        return statistics.median(self._measure_seconds) if self._measure_seconds else 0.0

    @abstractmethod
    def _measure(
        self, candidate: Any, incumbent_ms: float | None, deadline: float | None
    ) -> Measurement:
        """Check and time a candidate; raises what :meth:`helion_autotune.Workload.measure` may, or CutOff."""

    def _begin(self, deadline: float | None) -> None:
        """Called once per batch, while it compiles; for what can be set up meanwhile."""
        del deadline

    def prepare(self, points: Sequence[Point]) -> None:
        """Compile these when nothing else is to be compiled; what was prepared and has not begun is dropped."""
        wanted = dict.fromkeys(points)
        self._hold_back(point for point in tuple(self._ahead) if point not in wanted)
        for point in wanted:
            if point not in self._ahead:
                self._ahead[point] = self._submit(point)

    def run(
        self, points: Sequence[Point], incumbent: Callable[[], float | None], deadline: float | None
    ) -> Iterator[Trial]:
        """See :class:`Runner`."""
        pending = self._compiling(points)
        try:
            self._begin(deadline)
            while pending:
                left = None if deadline is None else deadline - self._clock()
                if left is not None and left <= 0:
                    return
                ready = self._ready(pending, left)
                for compile_ in ready:
                    if deadline is not None and self._clock() >= deadline:
                        return
                    pending.remove(compile_)
                    yield self.measure(compile_.future.result(), incumbent(), deadline)
                for compile_ in () if ready else self._stragglers(pending):
                    pending.remove(compile_)
                    yield self._left_behind(compile_)
        except CutOff:
            return
        finally:
            for compile_ in pending:
                compile_.future.cancel()

    def close(self) -> None:
        """Drop compiles that have not begun; those under way end unheard."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def compile_all(self, points: Sequence[Point]) -> list[Compiled]:
        """All points compiled, in order; by fresh threads, as others may still be busy past the deadline."""
        with ThreadPoolExecutor(self.jobs, thread_name_prefix="helion-autotune") as pool:
            return list(pool.map(lambda point: self._compile(Pending(point)), points))

    def measure(
        self, compiled: Compiled, incumbent_ms: float | None, deadline: float | None = None
    ) -> Trial:
        """Check and time one compiled candidate; raises CutOff when the deadline comes first."""
        if compiled.error is not None:
            status = (
                Status.TIMEOUT if isinstance(compiled.error, TimeoutError) else Status.COMPILE_ERROR
            )
            return self._failed(compiled, status, compiled.error)
        return self._judged(
            compiled, lambda: self._measure(compiled.candidate, incumbent_ms, deadline)
        )

    # -- inside ---------------------------------------------------------------------------------

    def _judged(self, compiled: Compiled, measure: Callable[[], Measurement]) -> Trial:
        """The trial that comes of measuring."""
        began = self._clock()
        try:
            measurement = measure()
        except (CutOff, CannotMeasureError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever a candidate does wrong is that trial's result
            return self._failed(compiled, failure_status(error), error)
        self._measure_seconds.append(self._clock() - began)
        return Trial(
            compiled.point,
            Status.OK,
            measurement.milliseconds,
            compiled.seconds,
            measurement=measurement,
        )

    def _compiling(self, points: Sequence[Point]) -> list[Pending]:
        """These points, as far as they have been prepared, and the others submitted before whatever has not begun."""
        prepared = {point: self._ahead.pop(point) for point in points if point in self._ahead}
        behind: list[Point] = []
        if len(prepared) < len(points):
            behind = self._hold_back(tuple(self._ahead))
        pending = [prepared.get(point) or self._submit(point) for point in points]
        self._ahead.update((point, self._submit(point)) for point in behind)
        return pending

    def _hold_back(self, points: Iterable[Point]) -> list[Point]:
        """Drop those of these prepared points whose compiles have not begun."""
        dropped = [point for point in points if self._ahead[point].future.cancel()]
        for point in dropped:
            del self._ahead[point]
        return dropped

    def _submit(self, point: Point) -> Pending:
        compile_ = Pending(point)
        compile_.future = self._pool.submit(self._compile, compile_)
        return compile_

    def _compile(self, compile_: Pending) -> Compiled:
        start = compile_.began = self._clock()
        candidate, failure = None, None
        try:
            candidate = self._workload.compile(compile_.point)
        except Exception as error:  # noqa: BLE001 - whatever a compile does wrong is that trial's result
            failure = error
        seconds = self._clock() - start
        self._compile_seconds.append(seconds)
        return Compiled(compile_.point, candidate, seconds, failure)

    def _ready(self, pending: Sequence[Pending], left: float | None) -> list[Pending]:
        """What has compiled, in the order of points; nothing when the time, or someone's patience, ran out."""
        futures = [compile_.future for compile_ in pending]
        done, _ = wait(futures, timeout=self._pause(left), return_when=FIRST_COMPLETED)
        return [compile_ for compile_ in pending if compile_.future in done]

    def _pause(self, left: float | None) -> float | None:
        """How long to wait before looking after stragglers and the deadline, in seconds; None: as long as it takes."""
        patience = self._patience()
        waits = [left, None if patience is None else max(patience / STRAGGLING, 0.05)]
        return min((each for each in waits if each is not None), default=None)

    def _patience(self) -> float | None:
        """How long a compile may take, by how long others took, in seconds; None before enough have ended."""
        if len(self._compile_seconds) < STRAGGLING_BEHIND:
            return None
        return max(STRAGGLING * statistics.median(self._compile_seconds), STRAGGLING_SECONDS)

    def _stragglers(self, pending: Sequence[Pending]) -> list[Pending]:
        patience, now = self._patience(), self._clock()
        if patience is None:
            return []
        return [
            each
            for each in pending
            if each.began is not None and now - each.began > patience and not each.future.done()
        ]

    def _left_behind(self, compile_: Pending) -> Trial:
        assert compile_.began is not None
        seconds = self._clock() - compile_.began
        usual = statistics.median(self._compile_seconds)
        return Trial(
            compile_.point,
            Status.TIMEOUT,
            compile_seconds=seconds,
            error=f"TimeoutError: still compiling after {seconds:.1f} s, where most take {usual:.1f} s; left behind",
        )

    @staticmethod
    def _failed(compiled: Compiled, status: Status, error: Exception) -> Trial:
        return Trial(
            compiled.point, status, compile_seconds=compiled.seconds, error=error_text(error)
        )


class InProcessRunner(ThreadedRunner):
    """Measures on the calling thread: what a candidate does to this process, it does to the session."""

    def _measure(
        self, candidate: Any, incumbent_ms: float | None, deadline: float | None
    ) -> Measurement:
        del deadline  # a call in this process cannot be cut short
        return self._workload.measure(candidate, incumbent_ms)
