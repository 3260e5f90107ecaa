"""The plot: for each case, how much of the limit each way reaches. Needs matplotlib, which is optional."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

from benchmarks.suite.table import COLUMNS, shown_ways

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.suite.records import CaseRecord, Results

COLOURS = {
    "ours_default": "#8fb8de",
    "ours_tuned": "#1f5fa8",
    "eager": "#c9c9c9",
    "compiled": "#e0a458",
    "peer": "#8a5fa8",
    "peer_our_config": "#c5b0d5",
}


def plot(results: Results, path: Path) -> bool:
    """Draw into ``path``; False where matplotlib is not installed, or nothing was measured."""
    cases = [case for case in results.cases if case.ms("limit") is not None]
    if importlib.util.find_spec("matplotlib") is None or not cases:
        return False
    import matplotlib  # only now that it is known to be there

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    ways = [way for way in shown_ways(cases) if way in COLOURS]
    figure, axes = plt.subplots(figsize=(9, 0.16 * len(cases) * (len(ways) + 1) + 1))
    _bars(axes, cases, ways)
    axes.axvline(1.0, color="black", linewidth=0.8)
    axes.set_xlabel("share of the limit")
    axes.set_title(str(results.machine.get("device", "")))
    axes.legend(loc="lower right", fontsize="small")
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)
    return True


def _bars(axes: Any, cases: list[CaseRecord], ways: list[str]) -> None:
    height = 1 / (len(ways) + 1)
    for number, way in enumerate(ways):
        places = [row + number * height for row in range(len(cases))]
        shares = [case.of_limit(way) or 0.0 for case in cases]
        axes.barh(places, shares, height, label=COLUMNS[way], color=COLOURS[way])
    middle = (len(ways) - 1) * height / 2
    axes.set_yticks([row + middle for row in range(len(cases))], [case.name for case in cases])
    axes.tick_params(axis="y", labelsize="x-small")
    axes.invert_yaxis()
