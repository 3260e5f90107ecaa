"""What a way of running a case works with, and what it gives back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from benchmarks.suite.comparing import Comparison, compare

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.suite.case import Case
    from benchmarks.suite.task import Task


class RefusedError(Exception):
    """A way does not run this case; the message says why."""


class WrongResultError(Exception):
    """A way ran, and its result is not torch's."""


@attrs.frozen(eq=False)
class Situation:
    """One case on its device: its arguments, torch's result in higher precision, and how calls are timed."""

    case: Case
    task: Task
    args: tuple[Any, ...]
    expected: Any
    timer: Callable[[Callable[[], object]], float]
    tuned: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    """The config that a way found, by its name, for ways that come later."""

    def ready(self, run: Callable[[], Any], **known: Any) -> Ready:
        """A way whose calls are ``run``, once its result has been compared.

        Raises:
            WrongResultError: it is not torch's.
        """
        comparison = self.compared(run)
        if comparison.wrong:
            raise WrongResultError(comparison.wrong)
        return Ready(lambda: self.timer(run), error=comparison.error, **known)

    def compared(self, run: Callable[[], Any]) -> Comparison:
        """One call beside torch."""
        return compare(run(), self.expected)


@attrs.frozen(eq=False)
class Ready:
    """A way that can be timed: ``measure`` gives the milliseconds of a turn; the rest is for the record."""

    measure: Callable[[], float]
    error: float | None = None
    config: dict[str, Any] | None = None
    search_seconds: float | None = None
    configs_tried: int | None = None
    trials: dict[str, int] | None = None
    notes: tuple[str, ...] = ()
    close: Callable[[], None] = lambda: None
