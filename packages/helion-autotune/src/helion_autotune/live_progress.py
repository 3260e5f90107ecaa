"""A live display of a search, by rich: the best so far, evaluations, failures by cause, the time left.

Assumed: rich is installed (the extra ``progress``); :func:`progress_for` chooses plain lines when it is not.
"""

from __future__ import annotations

import importlib.util
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, TextIO

from helion_autotune.progress import PlainProgress, Progress, Render, format_generation, format_ms

if TYPE_CHECKING:
    from helion_autotune.progress import Generation, SearchEnded, SearchStarted
    from helion_autotune.trial import Trial


def progress_for(stream: TextIO | None = None, render: Render = str) -> Progress:
    """A live display when ``stream`` (default: stderr) is a terminal and rich is installed, else plain lines."""
    target = sys.stderr if stream is None else stream
    if target.isatty() and importlib.util.find_spec("rich") is not None:
        return LiveProgress(target, render)
    return PlainProgress(stream, render)


class LiveProgress:
    """One panel that is redrawn in place; the summary stays when the search has ended."""

    def __init__(self, stream: TextIO, render: Render = str) -> None:
        from rich.console import Console

        self._console = Console(file=stream)
        self._render = render
        self._summary = PlainProgress(stream, render)
        self._live: Any = None
        self._event: SearchStarted | None = None
        self._begun = 0.0
        self._evaluations = 0
        self._failures: Counter[str] = Counter()
        self._best: Trial | None = None
        self._generation = ""

    def started(self, event: SearchStarted) -> None:
        """Open the display."""
        from rich.live import Live

        self._event = event
        self._begun = time.monotonic()
        self._live = Live(
            get_renderable=self._panel, console=self._console, refresh_per_second=4, transient=True
        )
        self._live.start()

    def trial(self, trial: Trial) -> None:
        """Count it; the display redraws itself."""
        self._evaluations += 1
        if not trial.ok:
            self._failures[trial.status.value] += 1
        elif self._best is None or trial.milliseconds < self._best.milliseconds:
            self._best = trial

    def generation(self, event: Generation) -> None:
        """Show its line, without the point, which has a row of its own."""
        self._generation = format_generation(event, lambda _: "").removesuffix(" best=")

    def ended(self, event: SearchEnded) -> None:
        """Close the display and leave one line."""
        self.close()
        self._summary.ended(event)

    def close(self) -> None:
        """Close the display; also when the search ended by an exception."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def rows(self) -> list[tuple[str, str]]:
        """What the display says: names and texts."""
        budget = None if self._event is None else self._event.budget
        seconds = time.monotonic() - self._begun
        limit = "" if budget is None or budget.evaluations is None else f" of {budget.evaluations}"
        time_left = (
            "" if budget is None or budget.seconds is None
            else f", {max(budget.seconds - seconds, 0):.0f} s left"
        )  # fmt: skip
        rows = [
            ("space", self._size()),
            ("evaluations", f"{self._evaluations}{limit}, {seconds:.0f} s{time_left}"),
            (
                "failures",
                ", ".join(f"{n} {cause}" for cause, n in self._failures.most_common()) or "none",
            ),
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

    def _panel(self) -> Any:
        from rich.panel import Panel
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2))
        for name, text in self.rows():
            table.add_row(Text(name, style="dim"), Text(text))
        return Panel(table, title="tuning", title_align="left")
