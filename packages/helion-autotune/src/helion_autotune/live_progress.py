"""A live display of a search in a terminal, by rich.

Assumed: rich is installed (the extra ``progress``); :func:`progress_for` chooses plain lines when it is not.
"""

from __future__ import annotations

import importlib.util
import sys
from typing import TYPE_CHECKING, Any, TextIO

from helion_autotune.notebook_progress import NotebookProgress, in_notebook
from helion_autotune.progress import PlainProgress, Progress, Render
from helion_autotune.standing import Standing

if TYPE_CHECKING:
    from helion_autotune.progress import Generation, SearchEnded, SearchStarted
    from helion_autotune.trial import Trial


def progress_for(stream: TextIO | None = None, render: Render = str) -> Progress:
    """A table in a notebook; a live display when ``stream`` (default: stderr) is a terminal and rich is installed; else
    plain lines.
    """
    if in_notebook():
        return NotebookProgress(render)
    target = sys.stderr if stream is None else stream
    if target.isatty() and importlib.util.find_spec("rich") is not None:
        return LiveProgress(target, render)
    return PlainProgress(stream, render)


class LiveProgress:
    """One panel that is redrawn in place; the summary stays when the search has ended."""

    def __init__(self, stream: TextIO, render: Render = str) -> None:
        from rich.console import Console

        self._console = Console(file=stream)
        self._standing = Standing(render)
        self._summary = PlainProgress(stream, render)
        self._live: Any = None

    def started(self, event: SearchStarted) -> None:
        """Open the display."""
        from rich.live import Live

        self._standing.started(event)
        self._live = Live(
            get_renderable=self._panel, console=self._console, refresh_per_second=4, transient=True
        )
        self._live.start()

    def trial(self, trial: Trial) -> None:
        """Count it; the display redraws itself."""
        self._standing.trial(trial)

    def generation(self, event: Generation) -> None:
        """Show its line."""
        self._standing.generation(event)

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
        return self._standing.rows()

    def _panel(self) -> Any:
        from rich.panel import Panel
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2))
        for name, text in self.rows():
            table.add_row(Text(name, style="dim"), Text(text))
        return Panel(table, title="tuning", title_align="left")
