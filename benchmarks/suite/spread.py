"""How far the config that the model chooses is from the one that a search finds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from benchmarks.suite.table import aligned, microseconds, share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.suite.records import CaseRecord

WAYS = ("ours_default", "ours_tuned")
AT_LEAST = 0.8
"""Of the tuned speed, which a default should reach."""


def reached(case: CaseRecord) -> float | None:
    """The default's speed over the tuned speed, by their shares of the limit where they are of two runs.

    None where either was not measured.
    """
    if case.limits:
        default, tuned = (case.of_limit(way) for way in WAYS)
        return None if default is None or tuned is None else default / tuned
    default, tuned = (case.ms(way) for way in WAYS)
    return None if default is None or tuned is None else tuned / default


def spread(cases: Sequence[CaseRecord]) -> str:
    """One line for each case, slowest default first, then what the two configs differ in."""
    ratios = {case.name: reached(case) for case in cases}
    ordered = sorted(cases, key=lambda case: (ratios[case.name] is None, ratios[case.name] or 0.0))
    rows = [["µs", "default", "tuned", "default/tuned"]]
    rows += [
        [case.name, *(microseconds(case, way) for way in WAYS), share(ratios[case.name])]
        for case in ordered
    ]
    known = [ratio for ratio in ratios.values() if ratio is not None]
    enough = sum(ratio >= AT_LEAST for ratio in known)
    parts = [
        aligned(rows),
        f"{enough} of {len(known)} defaults reach {AT_LEAST} of the tuned speed",
        *(_configs(case) for case in ordered if ratios[case.name] is not None),
    ]
    return "\n".join(parts)


def _configs(case: CaseRecord) -> str:
    default, tuned = (case.ways[way].config or {} for way in WAYS)
    lines = [
        f"  {key}: {_shown(default, key)} -> {_shown(tuned, key)}"
        for key in dict.fromkeys([*default, *tuned])
        if default.get(key) != tuned.get(key)
    ]
    same = "" if lines else " the same config"
    return "\n".join([f"{case.name} ({share(reached(case))}):{same}", *lines])


def _shown(config: dict[str, Any], key: str) -> str:
    return json.dumps(config[key]) if key in config else "left out"
