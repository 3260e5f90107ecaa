"""How a search stands, for displays that are redrawn: names and texts, in rows.

In: events of a session. Out: rows. Assumed: events come from one thread; any thread may ask for the rows.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from helion_autotune.progress import Render, format_generation, format_ms

if TYPE_CHECKING:
    from helion_autotune.progress import Generation, SearchStarted
    from helion_autotune.trial import Trial


class Standing:
    """The best so far, evaluations, failures by cause, the time left. ``render`` writes a point as text."""

    def __init__(self, render: Render = str) -> None:
        self._render = render
        self._event: SearchStarted | None = None
        self._begun = 0.0
        self._evaluations = 0
        self._failures: Counter[str] = Counter()
        self._best: Trial | None = None
        self._generation = ""

    def started(self, event: SearchStarted) -> None:
        """Time counts from here."""
        self._event = event
        self._begun = time.monotonic()

    def trial(self, trial: Trial) -> None:
        """Count it."""
        self._evaluations += 1
        if not trial.ok:
            self._failures[trial.status.value] += 1
        elif self._best is None or trial.milliseconds < self._best.milliseconds:
            self._best = trial

    def generation(self, event: Generation) -> None:
        """Keep its line, without the point, which has a row of its own."""
        self._generation = format_generation(event, lambda _: "").removesuffix(" best=")

    def rows(self) -> list[tuple[str, str]]:
        """What a display says now."""
        budget = None if self._event is None else self._event.budget
        seconds = time.monotonic() - self._begun
        limit = "" if budget is None or budget.evaluations is None else f" of {budget.evaluations}"
        time_left = (
            "" if budget is None or budget.seconds is None
            else f", {max(budget.seconds - seconds, 0):.0f} s left"
        )  # fmt: skip
        failures = ", ".join(f"{n} {cause}" for cause, n in self._failures.most_common())
        rows = [
            ("space", self._size()),
            ("evaluations", f"{self._evaluations}{limit}, {seconds:.0f} s{time_left}"),
            ("failures", failures or "none"),
            ("latest", self._generation or "-"),
        ]
        if self._best is not None:
            rows.append(("best", f"{format_ms(self._best.milliseconds)} ms"))
            rows.append(("", self._render(self._best.point)))
        return rows

    def _size(self) -> str:
        """How large the space is, from when there is time to find out: behind the first trial."""
        if self._event is None or not self._evaluations:
            return "-"
        return f"{self._event.size} points"
