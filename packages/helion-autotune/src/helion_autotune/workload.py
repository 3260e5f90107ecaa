"""What a user of the tuner brings: how to compile a point, and how to time what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from helion_autotune.blueprint import Blueprint
    from helion_autotune.point import Point
    from helion_autotune.trial import Measurement

Candidate = TypeVar("Candidate")


class WrongResult(Exception):  # noqa: N818 - named by what it reports; part of the public interface
    """Raised by ``measure`` for a candidate that ran and computed something wrong."""


class Workload(Protocol[Candidate]):
    """One thing to make fast."""

    def compile(self, point: Point) -> Candidate:
        """Prepare ``point``; called in any worker thread, several at a time.

        What it raises becomes the trial's error: TimeoutError the status timeout, any other Exception compile_error.
        """

    def measure(self, candidate: Candidate, incumbent_ms: float | None) -> Measurement:
        """Check and time a candidate; called on the tuning thread only, one at a time.

        ``incumbent_ms`` is the best time so far: a candidate that is clearly slower may be given up early.
        Raises WrongResult (status wrong_result), TimeoutError (timeout), or any Exception (run_error).
        """


class IsolableWorkload(Workload[Candidate], Protocol[Candidate]):
    """A workload that says how a worker process measures its candidates, so that none of them can harm the session."""

    def blueprint(self) -> Blueprint:
        """What a worker makes its measurer of. Raises NotPortableError where none can."""

    def job(self, candidate: Candidate) -> Any:
        """What the measurer is given of a candidate: something that can be pickled."""
