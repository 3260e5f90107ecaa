"""Runs points through a workload: compiles in threads, measures on the calling thread as compiles complete.

In: points, in order. Out: trials, in the order in which their compiles completed; points that the deadline cut off
give none. Nothing here knows of budgets in evaluations, records or strategies.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from helion_autotune.trial import Status, Trial
from helion_autotune.workload import Workload, WrongResult

if TYPE_CHECKING:
    from helion_autotune.point import Point

#: Errors are cut to this many characters: a compiler may print a whole module.
ERROR_LENGTH = 2000

Clock = Callable[[], float]


class Runner(Protocol):
    """Where trials happen. In this process today; isolated processes, other hosts or a replay fit as well."""

    def run(
        self, points: Sequence[Point], incumbent: Callable[[], float | None], deadline: float | None
    ) -> Iterator[Trial]:
        """A trial for each point that was begun before ``deadline`` (a time of the runner's clock)."""

    def close(self) -> None:
        """Let go of threads and processes; compiles that have not begun are dropped."""


def available_cores() -> int:
    """The cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def error_text(error: BaseException) -> str:
    """``Type: message``, of bounded length."""
    text = f"{type(error).__name__}: {error}".rstrip(": ")
    return text if len(text) <= ERROR_LENGTH else text[:ERROR_LENGTH] + " …"


@attrs.frozen
class Compiled:
    """A candidate, or why there is none, and how long that took."""

    point: Point
    candidate: Any
    seconds: float
    error: Exception | None


class InProcessRunner:
    """Compiles in ``jobs`` threads of this process (default: one per core).

    Threads cannot be killed: a compile that never ends holds its thread, and the process when it exits.
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

    def run(
        self, points: Sequence[Point], incumbent: Callable[[], float | None], deadline: float | None
    ) -> Iterator[Trial]:
        """See :class:`Runner`."""
        pending = [self._pool.submit(self._compile, point) for point in points]
        try:
            while pending:
                left = None if deadline is None else deadline - self._clock()
                if left is not None and left <= 0:
                    return
                done, _ = wait(pending, timeout=left, return_when=FIRST_COMPLETED)
                ready = [future for future in pending if future in done]  # in the order of points
                pending = [future for future in pending if future not in done]
                for future in ready:
                    if deadline is not None and self._clock() >= deadline:
                        return
                    yield self.measure(future.result(), incumbent())
        finally:
            for future in pending:
                future.cancel()

    def close(self) -> None:
        """Drop compiles that have not begun; those under way end unheard."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def compile_all(self, points: Sequence[Point]) -> list[Compiled]:
        """All points compiled, in order; by fresh threads, as others may still be busy past the deadline."""
        with ThreadPoolExecutor(self.jobs, thread_name_prefix="helion-autotune") as pool:
            return list(pool.map(self._compile, points))

    def measure(self, compiled: Compiled, incumbent_ms: float | None) -> Trial:
        """Check and time one compiled candidate on this thread."""
        if compiled.error is not None:
            status = (
                Status.TIMEOUT if isinstance(compiled.error, TimeoutError) else Status.COMPILE_ERROR
            )
            return self._failed(compiled, status, compiled.error)
        try:
            measurement = self._workload.measure(compiled.candidate, incumbent_ms)
        except WrongResult as error:
            return self._failed(compiled, Status.WRONG_RESULT, error)
        except TimeoutError as error:
            return self._failed(compiled, Status.TIMEOUT, error)
        except Exception as error:  # noqa: BLE001 - whatever a candidate does wrong is that trial's result
            return self._failed(compiled, Status.RUN_ERROR, error)
        return Trial(compiled.point, Status.OK, measurement.milliseconds, compiled.seconds)

    def _failed(self, compiled: Compiled, status: Status, error: Exception) -> Trial:
        return Trial(
            compiled.point, status, compile_seconds=compiled.seconds, error=error_text(error)
        )

    def _compile(self, point: Point) -> Compiled:
        start = self._clock()
        candidate, failure = None, None
        try:
            candidate = self._workload.compile(point)
        except Exception as error:  # noqa: BLE001 - whatever a compile does wrong is that trial's result
            failure = error
        return Compiled(point, candidate, self._clock() - start, failure)
