"""Measures jobs in a worker, and renews it when a job has cost it its life or its context.

In: jobs as bytes, one at a time. Out: a Measurement, or an exception as in-process measuring would have raised it.
A job is lost at most, never the session: after a crash, a hang or a lost context the next job finds a fresh worker.
"""

from __future__ import annotations

import pickle
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from helion_autotune.isolation.answers import Answer, WorkerDied
from helion_autotune.isolation.frames import ChannelClosedError
from helion_autotune.isolation.server_process import ServerLostError, ServerProcess, Worker
from helion_autotune.isolation.worker import MEASURE, WARM_UP
from helion_autotune.runner import CannotMeasureError
from helion_autotune.trial import Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helion_autotune.isolation.briefing import Briefing
    from helion_autotune.isolation_limits import Isolation
    from helion_autotune.lanes import ServerKeeper
    from helion_autotune.trial import Measurement

#: How often in a row a worker may fail to become ready before that is an error of its own.
STARTS = 3
#: What the fork server may take to end a worker, in seconds.
SERVER_SECONDS = 40.0


class CannotIsolateError(CannotMeasureError):
    """No worker becomes ready, so that nothing can be measured in isolation; the message says why.

    ``refused``: the measurer could not be made, in processes that are otherwise well.
    """

    def __init__(self, problem: str, *, refused: bool) -> None:
        super().__init__(f"no worker can be made ready to measure in isolation: {problem}")
        self.problem = problem
        self.refused = refused

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(CannotIsolateError, self.problem, refused=self.refused), ()


class OutOfTime(Exception):  # noqa: N818 - a signal
    """The session's deadline passed while a candidate was measured, which says nothing about the candidate."""


@attrs.frozen
class Allowance:
    """How long something may take: its own limit in seconds, or the session's remaining time where that is less."""

    limit: float
    left: float | None

    @property
    def cut(self) -> bool:
        """Whether the session ends first."""
        return self.left is not None and self.left < self.limit

    @property
    def seconds(self) -> float:
        """The lesser of both; never nothing, as sockets take 0 for something else."""
        return self.limit if self.left is None else max(min(self.limit, self.left), 0.001)


class Workers:
    """One worker at a time for one session; used by one thread.

    When this is made, a worker begins with what it can do before there is anything to measure. ``environment``: what is
    otherwise for workers than for the session. ``servers``: where the session's fork server comes from, and goes to.
    """

    def __init__(
        self,
        briefing: Briefing,
        isolation: Isolation,
        servers: ServerKeeper,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._briefing = briefing
        self._isolation = isolation
        self._servers = servers
        self._environment = environment or {}
        self._server: ServerProcess | None = None
        self._worker: Worker | None = None
        self._briefed = False
        self._ready = False
        self._server_works = False
        self._interrupted = False
        self._first_job: bytes | None = None
        #: Whether any worker has been given a job.
        self.has_measured = False
        #: How many workers had to be replaced.
        self.renewals = 0
        try:
            self._fork()
        except (ServerLostError, TimeoutError, ChannelClosedError):
            self._lose_server()  # and try again when there is something to measure

    def begin(self, left: float | None = None) -> None:
        """Have a worker make its measurer, without waiting for it. ``left``: seconds that the session still has.

        Raises NotPortableError when the payload can be read in no other process. Other problems show when measuring.
        """
        try:
            self._brief(left)
        except (ServerLostError, TimeoutError):
            self._lose_server()
        except ChannelClosedError:
            self._renew(begin=False)

    def measure(self, job: bytes, incumbent_ms: float | None, left: float | None) -> Measurement:
        """Measure one job; ``left``: seconds that the session still has.

        Raises WrongResult, TimeoutError, CandidateFailed or WorkerDied for what the candidate did; OutOfTime when the
        session's time was not enough, and CannotIsolateError when there is no worker to be had.
        """
        deadline = None if left is None else time.monotonic() + left
        answer = self._answer(job, incumbent_ms, deadline)
        if answer.status is Status.WRONG_RESULT and answer.lost is not None:
            # Arguments were written over, perhaps by an earlier candidate: this one gets another chance, on fresh ones.
            answer = self._answer(job, incumbent_ms, deadline)
        if answer.status is Status.OK:
            self._first_job = self._first_job or job
        return answer.measurement()

    def interrupt(self) -> None:
        """Have a measurement that is under way end soon; called by another thread, and nothing is measured after it."""
        self._interrupted = True
        worker = self._worker
        if worker is not None:
            worker.hang_up()

    def close(self) -> None:
        """End the worker; its server waits for the next session."""
        server, self._server = self._server, None
        worker, self._worker = self._worker, None
        if server is None:
            return
        try:
            if worker is not None:
                server.end(worker, SERVER_SECONDS)
            server.printed()
        except ServerLostError:
            server.close()
        else:
            self._servers.give_back(server, self._briefing.blueprint.modules, self._environment)

    # -- inside ---------------------------------------------------------------------------------

    def _answer(self, job: bytes, incumbent_ms: float | None, deadline: float | None) -> Answer:
        """What the worker says to a job; where it says that it is lost, or nothing, the next one has begun."""
        worker = self._waiting(deadline)
        warm = (
            self._first_job is not None
        )  # else the first job also pays for what loads when it is first used
        limit = self._isolation.seconds(incumbent_ms if warm else None)
        allowed = Allowance(limit, _left(deadline))
        self.has_measured = True
        request = pickle.dumps((MEASURE, job, incumbent_ms))
        try:
            answer = Answer.read(worker.ask(request, allowed.seconds))
        except TimeoutError as error:
            self._renew()
            if allowed.cut:
                raise OutOfTime from error
            raise TimeoutError(
                f"no result within {limit:.1f} s: it hangs, or is far too slow; its worker was killed"
            ) from error
        except ChannelClosedError as error:
            raise WorkerDied(self._renew()) from error
        if answer.lost is not None:
            self._renew()
        elif self._server is not None:
            self._server.trim()
        return answer

    def _fork(self) -> None:
        """Have a worker forked, by a new server where there is none. Returns at once."""
        if self._server is None:
            self._server = self._servers.take(self._briefing.blueprint.modules, self._environment)
            self._server_works = False
        worker = self._server.fork()
        self._worker, self._briefed, self._ready = worker, False, False
        worker.give(self._briefing.opening, SERVER_SECONDS)

    def _brief(self, left: float | None) -> Worker:
        """A worker that has been told what to make its measurer of, and whatever comes before that."""
        message = self._briefing.message()
        if self._worker is None:
            self._fork()
        assert self._worker is not None
        if not self._briefed:
            self._worker.give(message, Allowance(self._isolation.start, left).seconds)
            self._briefed = True
        return self._worker

    def _waiting(self, deadline: float | None) -> Worker:
        """A worker that waits for a job: the one there is, or one that is made ready now."""
        problem, refused = "", True
        for _ in range(STARTS):
            if self._interrupted:
                raise CannotIsolateError("the session ends", refused=False)
            allowed = Allowance(self._isolation.start, _left(deadline))
            try:
                answer = self._made_ready(allowed)
                if self._worker is not None and answer.status is Status.OK:
                    return self._worker
                problem = answer.error
            except TimeoutError as error:
                if self._server_works:
                    self._renew(begin=False)
                else:
                    self._lose_server()  # which may be what hangs
                if allowed.cut:
                    raise OutOfTime from error
                problem, refused = f"none was ready within {allowed.limit:g} s", False
            except ChannelClosedError:
                problem, refused = self._renew(begin=False), False
            except ServerLostError as error:
                self._lose_server()
                problem, refused = str(error), False
            else:
                self._renew(begin=False)
        raise CannotIsolateError(problem, refused=refused)

    def _made_ready(self, allowed: Allowance) -> Answer:
        """The answer of a worker that has made its measurer, and has had the first job that worked."""
        worker = self._brief(allowed.left)
        if self._ready:
            return Answer(Status.OK)
        answer = Answer.read(worker.next_answer(allowed.seconds))
        worker.pid, self._server_works = answer.pid, True
        job, self._first_job = self._first_job, None  # not again, should this worker die of it
        if answer.status is Status.OK and job is not None:
            seconds = Allowance(self._isolation.measure, allowed.left).seconds
            warmed = Answer.read(worker.ask(pickle.dumps((WARM_UP, job, None)), seconds))
            self._first_job = job if warmed.status is Status.OK else None
            if warmed.lost is not None:
                return warmed
        self._ready = answer.status is Status.OK
        return answer

    def _renew(self, *, begin: bool = True) -> str:
        """End the worker, and have the next one begin; how the old one died, with the last it printed."""
        worker, self._worker = self._worker, None
        if worker is None or self._server is None:
            return "it was gone"
        self.renewals += 1
        try:
            death = self._server.end(worker, SERVER_SECONDS)
            printed = self._server.printed()
            if begin and not self._interrupted:
                self.begin()
        except ServerLostError as error:
            self._lose_server()
            return str(error)
        return f"its worker {death}" + (f"; it printed: {printed}" if printed else "")

    def _lose_server(self) -> None:
        """The next worker comes of a new server."""
        if self._worker is not None:
            self._worker.close()
        if self._server is not None:
            self._server.close()
        self._worker = self._server = None


def _left(deadline: float | None) -> float | None:
    return None if deadline is None else deadline - time.monotonic()
