"""What came of one point: a Trial; and of one measured candidate: a Measurement."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from helion_autotune.point import Point


class Status(StrEnum):
    """How a trial ended."""

    OK = "ok"
    COMPILE_ERROR = "compile_error"
    RUN_ERROR = "run_error"
    WRONG_RESULT = "wrong_result"
    TIMEOUT = "timeout"
    #: The point is none of the space's; nothing was compiled.
    REJECTED = "rejected"


@attrs.frozen
class Measurement:
    """The time of one candidate in milliseconds (the median), and the samples it comes from.

    ``timed_by``: ``events``, or ``graph`` for tiny kernels. ``clock_mhz``: the GPU's clock right behind, where known.
    """

    milliseconds: float = attrs.field(converter=float)
    samples: tuple[float, ...] = ()
    timed_by: str = "events"
    clock_mhz: int | None = None

    def __attrs_post_init__(self) -> None:
        if not (math.isfinite(self.milliseconds) and self.milliseconds >= 0):
            raise ValueError(
                f"a time must be finite and not negative, got {self.milliseconds!r} ms"
            )


@attrs.frozen
class Trial:
    """One evaluated point. ``milliseconds`` is ``inf`` unless the status is ok; ``error`` says what went wrong.

    ``measurement`` is how the time was found, for a trial of this session.
    """

    point: Point
    status: Status = attrs.field(converter=Status)
    milliseconds: float = math.inf
    compile_seconds: float = 0.0
    error: str | None = None
    measurement: Measurement | None = attrs.field(default=None, eq=False, repr=False)

    @property
    def ok(self) -> bool:
        """Whether the candidate ran and gave a time."""
        return self.status is Status.OK

    @property
    def value(self) -> float:
        """What a search minimises: milliseconds, ``inf`` for a failure."""
        return self.milliseconds
