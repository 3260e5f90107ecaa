"""Compiles in threads of this process, measures on several GPUs at the same time.

In and out: see :class:`helion_autotune.runner.ThreadedRunner`; trials come in the order in which they were measured. A
lane that can measure no more is given up, and what it had goes to another; the last one ends the session.
"""

from __future__ import annotations

import time
import warnings
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

import attrs

from helion_autotune.blueprint import portable
from helion_autotune.isolation.briefing import Briefing, briefing_of, job_of
from helion_autotune.isolation.servers import ForkServers
from helion_autotune.isolation.workers import OutOfTime
from helion_autotune.runner import CannotMeasureError, Clock, CutOff, Pending, ThreadedRunner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from helion_autotune.isolation_limits import Isolation
    from helion_autotune.lanes import Lane, LaneSource
    from helion_autotune.point import Point
    from helion_autotune.runner import Compiled
    from helion_autotune.trial import Measurement, Trial
    from helion_autotune.workload import Workload


@attrs.frozen(eq=False)
class Station:
    """A lane, and the one thread that uses it."""

    lane: Lane
    thread: ThreadPoolExecutor


@attrs.frozen(eq=False)
class Order:
    """What a station is measuring."""

    station: Station
    pending: Pending


class ParallelRunner(ThreadedRunner):
    """Measures wherever a lane is free; finalists, which are compared with each other, on the first one alone."""

    def __init__(
        self,
        workload: Workload[Any],
        isolation: Isolation,
        source: LaneSource,
        *,
        jobs: int | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        super().__init__(workload, jobs=jobs, clock=clock)
        self._job = job_of(workload)
        self._briefing: Briefing = briefing_of(workload)
        self._own_servers = ForkServers() if isolation.servers is None else None
        servers = isolation.servers or self._own_servers
        assert servers is not None
        self._stations = [
            Station(lane, ThreadPoolExecutor(1, thread_name_prefix="helion-autotune-lane"))
            for lane in source.lanes(self._briefing, isolation, servers)
        ]
        if not self._stations:
            raise CannotMeasureError("there is no GPU to measure on")
        self._begun = False

    @property
    def lanes(self) -> int:
        """On how many GPUs it measures."""
        return len(self._stations)

    def run(
        self, points: Sequence[Point], incumbent: Callable[[], float | None], deadline: float | None
    ) -> Iterator[Trial]:
        """See :class:`helion_autotune.runner.Runner`."""
        pending = self._compiling(points)
        orders: dict[Future[Trial | None], Order] = {}
        try:
            self._begin(deadline)
            while pending or orders:
                spent = deadline is not None and self._clock() >= deadline
                if spent and not orders:
                    return
                if not spent:
                    yield from self._hand_out(pending, orders, incumbent(), deadline)
                for future in self._measured(pending, orders, deadline):
                    trial = self._taken(orders.pop(future), future, pending)
                    if trial is not None:
                        yield trial
                for straggler in self._stragglers(pending):
                    pending.remove(straggler)
                    yield self._left_behind(straggler)
        finally:
            for compile_ in pending:
                compile_.future.cancel()

    def close(self) -> None:
        """End compiles, measurements and workers."""
        super().close()
        for station in self._stations:
            station.lane.interrupt()
        for station in self._stations:
            self._end(station)
        self._stations.clear()
        if self._own_servers is not None:
            self._own_servers.close()

    # -- inside ---------------------------------------------------------------------------------

    def _begin(self, deadline: float | None) -> None:
        if self._begun:
            return
        self._briefing.message()  # once, in this thread, which may be the only one that may make it
        for station in self._stations:
            station.thread.submit(station.lane.begin, self._left(deadline))
        self._begun = True

    def _hand_out(
        self,
        pending: list[Pending],
        orders: dict[Future[Trial | None], Order],
        incumbent_ms: float | None,
        deadline: float | None,
    ) -> Iterator[Trial]:
        """Give what has compiled to free stations; what has failed to compile is a trial already."""
        busy = {order.station for order in orders.values()}
        free = [station for station in self._stations if station not in busy]
        for compile_ in [each for each in pending if each.future.done()]:
            compiled = compile_.future.result()
            if compiled.error is not None:
                pending.remove(compile_)
                yield self.measure(compiled, incumbent_ms)
            elif free:
                pending.remove(compile_)
                station = free.pop(0)
                future = station.thread.submit(
                    self._on, station.lane, compiled, incumbent_ms, deadline
                )
                orders[future] = Order(station, compile_)

    def _measured(
        self,
        pending: list[Pending],
        orders: dict[Future[Trial | None], Order],
        deadline: float | None,
    ) -> list[Future[Trial | None]]:
        """Wait until something has compiled for a free station, or been measured; what has been measured."""
        left = self._left(deadline)
        if left is not None and left <= 0:
            left = None  # what is under way ends with the deadline, too
        waiting: list[Future[Any]] = list(orders)
        if len(orders) < len(self._stations):
            waiting += [each.future for each in pending]
        done, _ = wait(waiting, timeout=self._pause(left), return_when=FIRST_COMPLETED)
        return [future for future in orders if future in done]

    def _on(
        self, lane: Lane, compiled: Compiled, incumbent_ms: float | None, deadline: float | None
    ) -> Trial | None:
        """What a station's thread does with a candidate; None when the deadline came first."""
        try:
            return self._judged(
                compiled, lambda: self._by(lane, compiled.candidate, incumbent_ms, deadline)
            )
        except CutOff:
            return None

    def _by(
        self, lane: Lane, candidate: Any, incumbent_ms: float | None, deadline: float | None
    ) -> Measurement:
        try:
            return lane.measure(portable(self._job(candidate)), incumbent_ms, self._left(deadline))
        except OutOfTime as error:
            raise CutOff from error

    def _taken(
        self, order: Order, future: Future[Trial | None], pending: list[Pending]
    ) -> Trial | None:
        """The trial of a measurement that has ended; None where it has none, or is to be made elsewhere."""
        try:
            return future.result()
        except CannotMeasureError as error:
            self._give_up(order.station, error)
            pending.insert(0, order.pending)
            return None

    def _measure(
        self, candidate: Any, incumbent_ms: float | None, deadline: float | None
    ) -> Measurement:
        while True:
            station = self._stations[0]
            try:
                return station.thread.submit(
                    self._by, station.lane, candidate, incumbent_ms, deadline
                ).result()
            except CannotMeasureError as error:
                self._give_up(station, error)

    def _give_up(self, station: Station, error: CannotMeasureError) -> None:
        """Go on without a station; raises ``error`` where it was the last."""
        if self._stations == [station]:
            raise error
        self._stations.remove(station)
        self._end(station)
        warnings.warn(
            f"one GPU fewer measures, {len(self._stations)} are left: {error}",
            RuntimeWarning,
            stacklevel=2,
        )

    @staticmethod
    def _end(station: Station) -> None:
        station.thread.shutdown(wait=True, cancel_futures=True)
        station.lane.close()

    def _left(self, deadline: float | None) -> float | None:
        return None if deadline is None else deadline - self._clock()
