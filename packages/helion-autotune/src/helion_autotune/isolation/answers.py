"""What workers answer, as the session reads it."""

from __future__ import annotations

import json

import attrs

from helion_autotune.trial import Measurement, Status
from helion_autotune.workload import WrongResult


class CandidateFailed(RuntimeError):  # noqa: N818 - the finding about a candidate, as WrongResult is
    """A candidate raised in its worker; the message is the type and message of what it raised."""


class WorkerDied(RuntimeError):  # noqa: N818 - the finding about a candidate, as WrongResult is
    """A candidate ended its worker: by a signal, or by leaving."""


@attrs.frozen
class Answer:
    """What a worker says. ``lost``: why the process cannot be trusted any more, if it cannot."""

    status: Status = attrs.field(converter=Status)
    milliseconds: float = 0.0
    samples: tuple[float, ...] = attrs.field(default=(), converter=tuple)
    timed_by: str = ""
    clock_mhz: int | None = None
    error: str = ""
    lost: str | None = None
    pid: int | None = None

    @classmethod
    def read(cls, message: bytes) -> Answer:
        """From the worker's JSON."""
        return cls(**json.loads(message))

    def measurement(self) -> Measurement:
        """The time; raises WrongResult, TimeoutError or CandidateFailed for a failure, worded as the worker's own."""
        if self.status is Status.OK:
            return Measurement(self.milliseconds, self.samples, self.timed_by, self.clock_mhz)
        text = self.error
        if self.lost is not None:
            text += f" (its worker was renewed: {self.lost})"
        if self.status is Status.WRONG_RESULT:
            raise WrongResult(text.removeprefix("WrongResult: "))
        if self.status is Status.TIMEOUT:
            raise TimeoutError(text.removeprefix("TimeoutError: "))
        raise CandidateFailed(text)
