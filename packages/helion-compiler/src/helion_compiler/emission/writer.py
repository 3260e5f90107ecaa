"""Lines of source with indentation, unique names, and the author's lines as comments."""

from __future__ import annotations

import keyword
from contextlib import contextmanager
from typing import TYPE_CHECKING

from helion_compiler.emission.functions import DEVICE_FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helion_compiler.program.types import Location

_RESERVED = (
    frozenset(keyword.kwlist)
    | DEVICE_FUNCTIONS.keys()
    | {
        "tl",
        "triton",
        "gl",
        "gluon",
        "mbarrier",
        "tma",
        "warpgroup_mma",
        "warpgroup_mma_wait",
        "fence_async_shared",
        "libdevice",
        "tl_math",
        "triton_helpers",
        "gdc_wait",
        "gdc_launch_dependents",
        "min",
        "max",
        "float",
        "range",
    }
)


def atom(text: str) -> str:
    """An expression that may stand beside any operator."""
    return f"({text})" if " " in text else text


class Writer:
    """Collects the body of one kernel."""

    def __init__(self, *, origin_lines: bool, beside: Writer | None = None) -> None:
        """``beside`` is a writer whose names are taken here, too, and those of this one there."""
        self._lines: list[str] = []
        self._indent = 1
        self._names: dict[str, int] = {} if beside is None else beside._names
        self._origin_lines = origin_lines
        self._last: tuple[str, int] | None = None

    def name(self, wanted: str) -> str:
        """A fresh name that reads like ``wanted``."""
        base = "".join(c if c.isalnum() or c == "_" else "_" for c in wanted).strip("_") or "value"
        if base[0].isdigit() or base in _RESERVED:
            base = f"v_{base}"
        while True:
            count = self._names[base] = self._names.get(base, -1) + 1
            if count == 0:
                return base
            numbered = f"{base}_{count}"
            if numbered not in self._names:
                self._names[numbered] = 0
                return numbered

    def line(self, text: str) -> None:
        """One line of code."""
        self._lines.append("    " * self._indent + text)

    def origin(self, location: Location | None) -> None:
        """The author's line that the next lines implement, unless it was the last one shown."""
        if location is None or not self._origin_lines:
            return
        place = (location.span.filename, location.span.line)
        if place != self._last:
            self._last = place
            self.line(f"# {location.text}")

    @contextmanager
    def indented(self) -> Iterator[None]:
        """One level deeper."""
        self._indent += 1
        try:
            yield
        finally:
            self._indent -= 1

    def text(self) -> str:
        """Everything so far."""
        return "\n".join(self._lines) + "\n"
