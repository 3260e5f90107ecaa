"""Telling people how a search goes.

In: events of a session, always from the tuning thread. Out: lines of text, or whatever another Progress makes of them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TextIO

import attrs

from helion_autotune.point import Point

if TYPE_CHECKING:
    from helion_autotune.budget import Budget
    from helion_autotune.space import Size, Space
    from helion_autotune.trial import Trial

Render = Callable[[Point], str]


@attrs.frozen
class SearchStarted:
    """What is about to be searched; ``recorded`` trials are known already."""

    space: Space
    budget: Budget
    jobs: int
    recorded: int

    @property
    def size(self) -> Size:
        """How many points there are; sizing a space with constraints may take half a second."""
        return self.space.size


@attrs.frozen
class Generation:
    """One batch of evaluations. Times are in ms, over the successful trials of the top list (None when it is empty).

    ``replaced`` counts the members of the top list that are new since the last generation; ``failed`` counts the
    trials of this generation that gave no time.
    """

    number: int
    seconds: float
    replaced: int
    failed: int
    minimum: float | None
    middle: float | None
    maximum: float | None
    best: Trial | None


@attrs.frozen
class SearchEnded:
    """How it went; ``best`` is None when nothing worked.

    ``noise``: the share of a time within which times are not told apart, where it is known. ``remarks``: sentences on
    what one should know of the result.
    """

    seconds: float
    evaluations: int
    stopped_because: str
    best: Trial | None
    noise: float | None = None
    remarks: tuple[str, ...] = ()


class Progress(Protocol):
    """Who wants to be told."""

    def started(self, event: SearchStarted) -> None:
        """Before the first evaluation."""

    def trial(self, trial: Trial) -> None:
        """After each evaluation."""

    def generation(self, event: Generation) -> None:
        """After each batch."""

    def ended(self, event: SearchEnded) -> None:
        """After the last one, or when nothing worked."""


class NoProgress:
    """Tells nobody."""

    def started(self, event: SearchStarted) -> None:
        """Nothing."""

    def trial(self, trial: Trial) -> None:
        """Nothing."""

    def generation(self, event: Generation) -> None:
        """Nothing."""

    def ended(self, event: SearchEnded) -> None:
        """Nothing."""


def format_ms(milliseconds: float | None) -> str:
    """Three significant digits, without trailing zeros."""
    if milliseconds is None:
        return "-"
    return f"{milliseconds:.0f}" if milliseconds >= 100 else f"{milliseconds:.3g}"


def format_generation(event: Generation, render: Render = str) -> str:
    """The line of one generation, without its prefix."""
    failed = f" failed={event.failed}" if event.failed else ""
    best = "-" if event.best is None else render(event.best.point)
    return (
        f"Generation {event.number}: replaced={event.replaced} min={format_ms(event.minimum)} "
        f"mid={format_ms(event.middle)} max={format_ms(event.maximum)}{failed} best={best}"
    )


@attrs.define
class PlainProgress:
    """A line per generation, and at the end one for the result and one for each remark.

    ``render`` writes a point as text (default: its JSON); ``prefix`` is formatted with ``seconds``.
    """

    stream: TextIO | None = None
    render: Render = str
    prefix: str = "[{seconds:.0f}s] "

    def started(self, event: SearchStarted) -> None:
        """Nothing: the first line is that of the first generation."""

    def trial(self, trial: Trial) -> None:
        """Nothing: lines are per generation."""

    def generation(self, event: Generation) -> None:
        """One line."""
        self._print(event.seconds, format_generation(event, self.render))

    def ended(self, event: SearchEnded) -> None:
        """One line."""
        if event.best is None:
            self._print(event.seconds, f"No candidate worked of {event.evaluations}.")
            return
        noise = f" (± {event.noise:.1%})" if event.noise else ""
        self._print(
            event.seconds,
            f"{format_ms(event.best.milliseconds)} ms{noise} after {event.evaluations} evaluations "
            f"({event.stopped_because}): {self.render(event.best.point)}",
        )
        for remark in event.remarks:
            self._print(event.seconds, f"Note: {remark}.")

    def _print(self, seconds: float, line: str) -> None:
        stream = (
            sys.stderr if self.stream is None else self.stream
        )  # looked up late: tests replace it
        print(self.prefix.format(seconds=seconds) + line, file=stream, flush=True)


def median(values: Sequence[float]) -> float:
    """The middle value; of an even number, the lower one of the two, so that it is a time that occurred."""
    return sorted(values)[(len(values) - 1) // 2]
