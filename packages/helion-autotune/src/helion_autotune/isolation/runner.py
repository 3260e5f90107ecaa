"""Compiles in threads of this process, measures in a worker process.

In and out: see :class:`helion_autotune.runner.ThreadedRunner`. A candidate that crashes, hangs, exhausts memory or
loses the GPU's context is one failed trial.
"""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING, Any

from helion_autotune.blueprint import NotPortableError, portable
from helion_autotune.isolation.briefing import briefing_of, job_of
from helion_autotune.isolation.servers import ForkServers
from helion_autotune.isolation.workers import CannotIsolateError, OutOfTime, Workers
from helion_autotune.runner import Clock, CutOff, ThreadedRunner

if TYPE_CHECKING:
    from helion_autotune.isolation_limits import Isolation
    from helion_autotune.trial import Measurement
    from helion_autotune.workload import Workload


class IsolatedRunner(ThreadedRunner):
    """Where nothing can be isolated and that is not required, it says so once and measures in this process."""

    def __init__(
        self,
        workload: Workload[Any],
        isolation: Isolation,
        *,
        jobs: int | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        super().__init__(workload, jobs=jobs, clock=clock)
        self._required = isolation.required
        self._own_servers = ForkServers() if isolation.servers is None else None
        self._job = job_of(workload)
        try:
            servers = isolation.servers or self._own_servers
            assert servers is not None
            self._workers: Workers | None = Workers(briefing_of(workload), isolation, servers)
        except NotPortableError as error:
            self._workers = None
            self._refuse(error)

    @property
    def renewals(self) -> int:
        """How many workers candidates have cost."""
        return 0 if self._workers is None else self._workers.renewals

    def close(self) -> None:
        """End compiles and workers."""
        super().close()
        if self._workers is not None:
            self._workers.close()
        if self._own_servers is not None:
            self._own_servers.close()

    def _begin(self, deadline: float | None) -> None:
        if self._workers is None:
            return
        try:
            self._workers.begin(self._left(deadline))
        except NotPortableError as error:
            self._give_up(error)

    def _measure(
        self, candidate: Any, incumbent_ms: float | None, deadline: float | None
    ) -> Measurement:
        while self._workers is not None:
            try:
                job = portable(self._job(candidate))
                return self._workers.measure(job, incumbent_ms, self._left(deadline))
            except OutOfTime as error:
                raise CutOff from error
            except (CannotIsolateError, NotPortableError) as error:
                self._give_up(error)
        return self._workload.measure(candidate, incumbent_ms)

    def _left(self, deadline: float | None) -> float | None:
        return None if deadline is None else deadline - self._clock()

    def _give_up(self, error: Exception) -> None:
        """Go on in this process, where that is no danger and nobody minds; raises otherwise."""
        assert self._workers is not None
        dangerous = isinstance(error, CannotIsolateError) and not error.refused
        if dangerous or self._workers.has_measured:
            raise error
        self._workers.close()
        self._workers = None
        self._refuse(error)

    def _refuse(self, error: Exception) -> None:
        if self._required:
            raise error
        warnings.warn(
            f"candidates are measured in this process, where one that crashes or hangs ends the session: {error}",
            RuntimeWarning,
            stacklevel=2,
        )
