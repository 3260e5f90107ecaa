"""What binds a kernel, by rules that are looked through in order: the first that holds names it.

A resource binds where it is used more than its rule says. Nothing reaches 100 %: a copy on an H200 moves 82 to 89 % of
what its memory could. Where no resource is used so much, latency binds, and the counters of stalls say what warps wait
for.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import attrs

from benchmarks.counters import metrics

if TYPE_CHECKING:
    from benchmarks.counters.profile import Profile


@attrs.frozen
class Rule:
    """``words`` say what binds where ``metric`` is above so many per cent of its peak."""

    metric: str
    above: float
    words: str


RULES = (
    Rule(metrics.DRAM, 80.0, "bound by memory"),
    Rule(metrics.TENSOR, 75.0, "bound by tensor cores"),
    Rule(metrics.L2, 80.0, "bound by the L2 cache"),
    *(
        Rule(metric, 80.0, f"bound by the pipe {name}")
        for name, metric in metrics.PIPES.items()
        if name != "lsu"
    ),
    Rule(metrics.ISSUE, 70.0, "bound by instructions"),
    Rule(metrics.L1, 80.0, "bound by L1 and shared memory"),
)
SHOWN_STALLS = 3
EXCESS_BYTES = 1.1
BANK_CONFLICTS = 0.1
LEAST_WAVES = 1.0
UNEVEN_WAVES = 1.15
"""How many times as long as with even work the last wave may make a kernel take before it is named."""
LEAST_ACTIVE = 85.0
"""Per cent of the time that multiprocessors have work; with less there is too little of it, or it is uneven."""


def binding(profile: Profile) -> str:
    """What binds, with the number that says so."""
    unknown = [rule.metric for rule in RULES if profile.value(rule.metric) is None]
    doubt = f" (as far as known without {', '.join(unknown)})" if unknown else ""
    for rule in RULES:
        value = profile.value(rule.metric)
        if value is not None and value > rule.above:
            return f"{rule.words}: {value:.0f} % of its peak{doubt}"
    reasons = "; ".join(
        f"{name} {share:.0%} ({metrics.STALLS[name]})" for name, share in top_stalls(profile)
    )
    return f"bound by latency: {reasons or 'no stalls were counted'}{doubt}"


def top_stalls(profile: Profile) -> list[tuple[str, float]]:
    """The states in which warps are most of their time besides issuing, with their share of it."""
    states = {
        name: value
        for name in (*metrics.STALLS, metrics.SELECTED)
        if (value := profile.value(metrics.stalled(name))) is not None
    }
    whole = sum(states.values())
    states.pop(metrics.SELECTED, None)
    longest = sorted(states, key=lambda name: -states[name])[:SHOWN_STALLS]
    return [(name, states[name] / whole) for name in longest if whole and states[name]]


def occupancy_limiter(profile: Profile) -> str | None:
    """What keeps more programs from a multiprocessor, and how many there are room for."""
    limits = {
        name: value
        for name, metric in metrics.OCCUPANCY_LIMITS.items()
        if (value := profile.value(metric)) is not None
    }
    if not limits:
        return None
    least = min(limits.values())
    names = " and ".join(name for name, value in limits.items() if value == least)
    return f"{least:.0f} by {names}"


def moved(profile: Profile) -> float | None:
    """Bytes read from and written to memory."""
    read, written = (profile.value(name) for name in (metrics.READ, metrics.WRITTEN))
    return None if read is None or written is None else read + written


def spilled(profile: Profile) -> float | None:
    """Bytes of local memory, which holds what registers do not."""
    loaded, stored = (profile.value(name) for name in (metrics.SPILL_LOADED, metrics.SPILL_STORED))
    return None if loaded is None or stored is None else loaded + stored


def conflicts(profile: Profile) -> float | None:
    """The share of shared memory's cycles that banks cost which several lanes want."""
    lost, all_of_them = (
        profile.value(name) for name in (metrics.BANK_CONFLICTS, metrics.SHARED_WAVEFRONTS)
    )
    return None if lost is None or not all_of_them else lost / all_of_them


def remarks(profile: Profile) -> list[str]:
    """What else keeps it from its limit, whatever binds."""
    found = []
    bytes_moved, needed = moved(profile), profile.facts.bytes
    ours = profile.facts.symbol is not None  # a limit may do another amount of work
    if ours and bytes_moved is not None and bytes_moved > EXCESS_BYTES * needed:
        found.append(f"it moves {bytes_moved / needed:.2f} times the bytes that it has to")
    if spilled(profile):
        found.append(f"registers spill: {spilled(profile):.3g} bytes of local memory")
    if (share := conflicts(profile)) is not None and share > BANK_CONFLICTS:
        found.append(f"{share:.0%} of shared memory's cycles are bank conflicts")
    found += _about_waves(profile)
    return found


def _about_waves(profile: Profile) -> list[str]:
    waves, busy = profile.value(metrics.WAVES), profile.value(metrics.BUSY)
    found = []
    if waves is not None and waves < LEAST_WAVES:
        found.append(f"{waves:.2f} waves: there is room for more programs than there are")
    elif waves is not None and math.ceil(waves) > UNEVEN_WAVES * waves:
        found.append(f"{waves:.2f} waves: the last one is {waves % 1:.0%} full")
    if busy is not None and busy < LEAST_ACTIVE:
        found.append(f"multiprocessors are idle {100 - busy:.0f} % of the time")
    return found
