"""A live display of a search in a notebook: one HTML table, which is replaced by what came of the search.

Assumed: IPython runs this process with a kernel, as Jupyter has it; nothing else needs to be installed.
"""

from __future__ import annotations

import io
import sys
import time
from html import escape
from typing import TYPE_CHECKING, Any

from helion_autotune.progress import PlainProgress, Render
from helion_autotune.standing import Standing

if TYPE_CHECKING:
    from helion_autotune.progress import Generation, SearchEnded, SearchStarted
    from helion_autotune.trial import Trial

#: The display is redrawn at most this often, every so many seconds.
REDRAW_SECONDS = 0.25


def in_notebook() -> bool:
    """Whether what this process displays is shown by a notebook."""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return hasattr(get_ipython(), "kernel")


class NotebookProgress:
    """Implements :class:`helion_autotune.Progress` below the cell that runs."""

    def __init__(self, render: Render = str) -> None:
        self._standing = Standing(render)
        self._written = io.StringIO()
        self._summary = PlainProgress(self._written, render)
        self._handle: Any = None
        self._drawn = 0.0

    def started(self, event: SearchStarted) -> None:
        """Open the display."""
        from IPython.display import display

        self._standing.started(event)
        self._handle = display(self, display_id=True)

    def trial(self, trial: Trial) -> None:
        """Count it, and redraw, unless that was just done."""
        self._standing.trial(trial)
        if time.monotonic() - self._drawn >= REDRAW_SECONDS:
            self._redraw()

    def generation(self, event: Generation) -> None:
        """Show its line."""
        self._standing.generation(event)
        self._redraw()

    def ended(self, event: SearchEnded) -> None:
        """Leave the result in the place of the table."""
        self._summary.ended(event)
        self._redraw()

    def _redraw(self) -> None:
        self._drawn = time.monotonic()
        if self._handle is not None:
            self._handle.update(self)

    def __repr__(self) -> str:
        """For notebooks that show no HTML."""
        return self._written.getvalue() or "\n".join(
            f"{name:12} {text}" for name, text in self._standing.rows()
        )

    def _repr_html_(self) -> str:
        """As IPython asks for it."""
        written = self._written.getvalue()
        if written:
            return f"<pre>{escape(written)}</pre>"
        rows = "".join(
            f'<tr><th style="text-align:left">{escape(name)}</th>'
            f'<td style="text-align:left">{escape(text)}</td></tr>'
            for name, text in self._standing.rows()
        )
        return f"<table>{rows}</table>"
