"""Profiles as Markdown: a table for each case, with a column for each way of running it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.counters import metrics
from benchmarks.counters.binding import (
    binding,
    conflicts,
    moved,
    occupancy_limiter,
    remarks,
    spilled,
    top_stalls,
)
from benchmarks.counters.machine_code import shown
from benchmarks.counters.subject import LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.counters.profile import Profile

NOT_KNOWN = "-"


def case_page(profiles: Sequence[Profile]) -> str:
    """The table of one case, what binds each of its ways, and what its machine code holds."""
    first = profiles[0].facts
    heads = [
        f"{one.facts.way} ({first.limit})" if one.facts.way == LIMIT else one.facts.way
        for one in profiles
    ]
    rows = [["", *heads], ["---", *["---:"] * len(heads)]]
    rows += [[name, *map(cell, profiles)] for name, cell in ROWS.items()]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return "\n\n".join([f"## {first.case}", *map(_words, profiles), table, *_after(profiles)])


def _words(profile: Profile) -> str:
    said = "".join(f" {remark[0].upper()}{remark[1:]}." for remark in remarks(profile))
    return f"**{profile.facts.way}** is {binding(profile)}.{said}"


def _after(profiles: Sequence[Profile]) -> list[str]:
    lines = []
    for one in profiles:
        if one.instructions:
            lines.append(f"* {one.facts.way}, machine code: {shown(one.instructions)}")
        if one.others:
            others = ", ".join(f"`{name[:60]}` {ns / 1000:.1f} µs" for name, ns in one.others)
            lines.append(f"* {one.facts.way}, launched besides: {others}")
        if one.unavailable:
            lines.append(f"* {one.facts.way}, not counted here: {', '.join(one.unavailable)}")
    return ["\n".join(lines)] if lines else []


def _number(metric: str, pattern: str, scale: float = 1.0) -> Callable[[Profile], str]:
    def cell(profile: Profile) -> str:
        value = profile.value(metric)
        return NOT_KNOWN if value is None else pattern.format(value * scale)

    return cell


def _numbers(
    *names: str, pattern: str = "{:.0f} %", scale: float = 1.0
) -> Callable[[Profile], str]:
    cells = [_number(metric, pattern, scale) for metric in names]
    return lambda profile: ", ".join(cell(profile) for cell in cells)


def _speed(profile: Profile) -> str:
    ns = profile.launch.values[metrics.DURATION] * profile.facts.scale
    if profile.facts.flops is not None:
        return f"{profile.facts.flops / ns / 1e3:.0f} TFLOP/s"
    return f"{profile.facts.bytes / ns:.0f} GB/s"


def _moved(profile: Profile) -> str:
    whole, needed = moved(profile), profile.facts.bytes
    if whole is None:
        return NOT_KNOWN
    return f"{whole / 1e6:.1f} of {needed / 1e6:.1f} MB ({whole / needed:.2f})"


def _stalls(profile: Profile) -> str:
    return ", ".join(f"{name} {share:.0%}" for name, share in top_stalls(profile)) or NOT_KNOWN


def _occupancy(profile: Profile) -> str:
    room = occupancy_limiter(profile)
    return _number(metrics.OCCUPANCY, "{:.0f} %")(profile) + (f" (room for {room})" if room else "")


def _conflicts(profile: Profile) -> str:
    share = conflicts(profile)
    return NOT_KNOWN if share is None else f"{share:.0%}"


def _spilled(profile: Profile) -> str:
    whole = spilled(profile)
    return NOT_KNOWN if whole is None else f"{whole / 1e6:.1f} MB"


ROWS: dict[str, Callable[[Profile], str]] = {
    "kernel": lambda profile: f"`{profile.launch.symbol[:40]}`",
    "time": _number(metrics.DURATION, "{:.1f} µs", 1e-3),
    "speed": _speed,
    "moved, of what has to be": _moved,
    "DRAM read, written": _numbers(metrics.READ, metrics.WRITTEN, pattern="{:.1f} MB", scale=1e-6),
    "L2 traffic, of it loaded by TMA": _numbers(
        metrics.L2_BYTES, metrics.BULK_READ, pattern="{:.1f} MB", scale=1e-6
    ),
    "DRAM, L2, L1 throughput": _numbers(metrics.DRAM, metrics.L2, metrics.L1),
    "L2, L1 hit rate": _numbers(metrics.L2_HITS, metrics.L1_HITS),
    "sectors per load, per store": _numbers(
        metrics.LOAD_SECTORS, metrics.STORE_SECTORS, pattern="{:.1f}"
    ),
    "SM throughput, SMs active": _numbers(metrics.SM, metrics.BUSY),
    "tensor pipe": _numbers(metrics.TENSOR),
    "HMMA, GMMA instructions": _numbers(metrics.HMMA, metrics.GMMA, pattern="{:.3g}"),
    f"pipes {', '.join(metrics.PIPES)}": _numbers(*metrics.PIPES.values()),
    "issue slots": _numbers(metrics.ISSUE),
    "warp instructions": _number(metrics.INSTRUCTIONS, "{:.4g}"),
    "top stalls": _stalls,
    "achieved occupancy": _occupancy,
    "programs, threads of one, waves": _numbers(
        metrics.GRID, metrics.BLOCK, metrics.WAVES, pattern="{:.4g}"
    ),
    "registers": _number(metrics.REGISTERS, "{:.0f}"),
    "shared memory, static and dynamic": _numbers(
        metrics.STATIC_SHARED, metrics.DYNAMIC_SHARED, pattern="{:.0f} B"
    ),
    "bank conflicts": _conflicts,
    "local memory (spills)": _spilled,
}
