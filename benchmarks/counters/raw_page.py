"""What ``ncu --import REPORT --page raw --csv`` prints: a line of names, a line of units, and a line for each launch.

Lines that begin with ``==`` are messages. Every cell is quoted; numbers may have commas between thousands. Units are
asked for in their base, and those that come with a prefix are brought there: bytes and nanoseconds.
"""

from __future__ import annotations

import csv
import math

import attrs

KERNEL = "Kernel Name"
_PREFIXES = {"K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_TIMES = {
    "ns": 1.0, "nsecond": 1.0, "us": 1e3, "usecond": 1e3,
    "ms": 1e6, "msecond": 1e6, "s": 1e9, "second": 1e9,
}  # fmt: skip


class RawPageError(Exception):
    """A page that is laid out otherwise."""


@attrs.frozen
class Launch:
    """One launch of a kernel: its numbers and their units, and in ``texts`` the cells that are no numbers."""

    kernel: str
    values: dict[str, float]
    units: dict[str, str]
    texts: dict[str, str]

    @property
    def symbol(self) -> str:
        """The kernel's name without what a C++ name adds to it."""
        return self.kernel.partition("(")[0].strip()


def read_raw_page(text: str) -> list[Launch]:
    """The launches, in their order.

    Raises:
        RawPageError: there is no line of names or no line of units, or lines differ in length.
    """
    rows = list(csv.reader(line for line in text.splitlines() if not line.startswith("==")))
    start = next((number for number, row in enumerate(rows) if KERNEL in row), None)
    if start is None:
        raise RawPageError(f"no line of names with {KERNEL!r} in it; it begins {text[:200]!r}")
    names, *lines = [row for row in rows[start:] if row]
    if "Metric Name" in names:
        raise RawPageError("a line for each metric: this is the page of details, not the raw one")
    column = names.index(KERNEL)
    if not lines or len(lines[0]) != len(names) or lines[0][column]:
        raise RawPageError("no line of units, whose kernel is empty, below the line of names")
    units, *launches = lines
    for number, line in enumerate(launches):
        if len(line) != len(names):
            raise RawPageError(f"launch {number} has {len(line)} cells for {len(names)} names")
    return [_launch(line[column], list(zip(names, units, line, strict=True))) for line in launches]


def _launch(kernel: str, cells: list[tuple[str, str, str]]) -> Launch:
    launch = Launch(kernel, {}, {}, {})
    for name, unit, cell in cells:
        if "__" not in name or not cell.strip():  # names of metrics have it, those of launches not
            continue
        number = _number(cell)
        if number is None:
            launch.texts[name] = cell
        else:
            base, factor = _in_base(unit)
            launch.values[name], launch.units[name] = number * factor, base
    return launch


def _number(cell: str) -> float | None:
    try:
        number = float(cell.replace(",", "").replace("\N{NO-BREAK SPACE}", ""))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _in_base(unit: str) -> tuple[str, float]:
    """The unit without a prefix, and what a number of ``unit`` is multiplied with."""
    if unit in _TIMES:
        return "ns", _TIMES[unit]
    whole, slash, per = unit.partition("/")
    if whole[:1] in _PREFIXES and whole[1:] == "byte":
        return f"byte{slash}{per}", _PREFIXES[whole[0]]
    return unit, 1.0
