"""Results as plain text, one line for each case."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.suite.records import CaseRecord, WayRecord

COLUMNS = {
    "ours_default": "default",
    "ours_tuned": "tuned",
    "eager": "eager",
    "compiled": "compiled",
    "peer": "peer",
    "peer_our_config": "peer, ours",
    "limit": "limit",
}
"""What ways are called in tables."""


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Text in columns: the first to the left, numbers to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        first, *others = [
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join([first, *others]).rstrip())
    return "\n".join(lines)


def shown_ways(cases: Iterable[CaseRecord]) -> list[str]:
    """The ways that some case was run in, in the order of columns."""
    present = {way for case in cases for way in case.ways}
    return [way for way in COLUMNS if way in present]


def microseconds(case: CaseRecord, way: str) -> str:
    """A time, or in a word why there is none."""
    ms = case.ms(way)
    return f"{ms * 1000:.1f}" if ms is not None else missing(case.ways.get(way))


def missing(record: WayRecord | None) -> str:
    """Why a way has no time."""
    return "-" if record is None else record.status if record.status != "measured" else "?"


def speed(case: CaseRecord, way: str) -> str:
    """TFLOP/s where operations are counted, else GB/s of the traffic that cannot be avoided."""
    ms = case.ms(way)
    if ms is None:
        return "-"
    if case.flops is not None:
        return f"{case.flops / ms / 1e9:.0f} TFLOP/s"
    return f"{case.bytes / ms / 1e6:.0f} GB/s"


def share(ratio: float | None) -> str:
    """A ratio of times."""
    return "-" if ratio is None else f"{ratio:.2f}"


def summary(cases: Sequence[CaseRecord]) -> str:
    """Microseconds of every way, and how much of the limit ours reaches."""
    ways = shown_ways(cases)
    rows = [["µs", *(COLUMNS[way] for way in ways), "default/limit", "tuned/limit", "of"]]
    for case in cases:
        if not case.ways:
            continue
        times = [microseconds(case, way) for way in ways]
        shares = [share(case.of_limit(way)) for way in ("ours_default", "ours_tuned")]
        rows.append([case.name, *times, *shares, case.limit])
    text = aligned(rows) if len(rows) > 1 else "nothing was measured"
    unfinished = [
        f"{case.name}: {case.ending}: {case.reason.partition(chr(10))[0]}"
        for case in cases
        if case.ending != "measured"
    ]
    return "\n".join([text, *unfinished])


def line(case: CaseRecord) -> str:
    """One case, as soon as it is known."""
    times = [f"{COLUMNS[way]} {microseconds(case, way)}" for way in shown_ways([case])]
    ending = "" if case.ending == "measured" else f" ({case.ending})"
    return f"{case.name}{ending}: {', '.join(times) or 'nothing'} ({case.seconds:.0f} s)"
