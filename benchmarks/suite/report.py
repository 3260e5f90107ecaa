"""Documents from results, on any machine: a Markdown table, and a plot where matplotlib is installed.

python -m benchmarks.suite.report RESULTS.json ... [--name h200] [--folder docs/performance] [--spread]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.suite.machine import ROOT
from benchmarks.suite.merging import commits_of, merged
from benchmarks.suite.plot import plot
from benchmarks.suite.records import read_results
from benchmarks.suite.spread import spread
from benchmarks.suite.table import COLUMNS, missing, share, shown_ways, speed, summary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.suite.records import CaseRecord, Results, WayRecord

FOLDER = ROOT / "docs" / "performance"


def document(results: Results, image: str | None = None) -> str:
    """The Markdown page of a run."""
    machine, options = results.machine, results.options
    versions = (
        f"torch {machine.get('torch')} (CUDA {machine.get('cuda')}), Triton {machine.get('triton')}, "
        f"Helion at {', '.join(commit[:12] for commit in commits_of(machine)) or 'an unknown commit'}"
    )
    parts = [
        f"# {machine.get('device', 'an unknown device')}, {str(machine.get('date'))[:10]}",
        f"{versions}. Made by `python -m benchmarks.suite`, and of its results by `python -m benchmarks.suite.report`.",
        _explanation(options, shown_ways(results.cases)),
        *([f"![shares of the limit]({image})"] if image else []),
        _table(results.cases),
        *_searches(results.cases),
        *_refusals(results.cases),
        *_unfinished(results.cases),
    ]
    return "\n\n".join(parts) + "\n"


def _explanation(options: Mapping[str, Any], ways: Sequence[str]) -> str:
    mode = "max-autotune" if options.get("max_autotune") else "its default mode"
    columns = {
        "ours_tuned": f"*tuned* searched for {options.get('seconds_per_kernel')} s, compilation included",
        "compiled": f"*compiled* is torch.compile in {mode}",
        "peer": "*peer* is PyTorch's Helion on the same source, with its quick effort "
        f"for up to {options.get('peer_seconds')} s",
        "peer_our_config": "*peer, ours* is the same with the config that our search found",
    }
    told = [text for way, text in columns.items() if way in ways]
    return (
        "A number is the time of the limit over that of the way: 1.00 is as fast as the limit. "
        "Times are medians of `do_bench`, which empties the L2 cache before each call, taken in turns. "
        f"{'; '.join([*told, '*rate* is that of the tuned config, or of the default where none was tuned'])}. "
        "A limit called *copy* is a copy that moves as many bytes as arguments and results have together. "
        "Where several runs are joined, each way is compared with the limit of its own run; µs are the last run's."
    )


def _table(cases: Sequence[CaseRecord]) -> str:
    ways = [way for way in shown_ways(cases) if way != "limit"]
    head = ["case", "limit", "µs", *(COLUMNS[way] for way in ways), "rate"]
    rows = [head, ["---", "---", *["---:"] * (len(head) - 2)]]
    for case in cases:
        if not case.ways:
            continue
        limit = case.ms("limit")
        cells = [case.name, case.limit, "-" if limit is None else f"{limit * 1000:.1f}"]
        cells += [_share(case, way) for way in ways]
        best = "ours_tuned" if case.ms("ours_tuned") is not None else "ours_default"
        rows.append([*cells, speed(case, best)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _searches(cases: Sequence[CaseRecord]) -> list[str]:
    """What the configs cost that were searched for, by way."""
    searched = [case for case in cases if any(map(_search, case.ways.values()))]
    ways = [
        way for way in shown_ways(searched) if any(_search(case.ways.get(way)) for case in searched)
    ]
    if not ways:
        return []
    head = ["case", *(f"{COLUMNS[way]}: seconds, configs" for way in ways)]
    rows = [head, ["---", *["---:"] * len(ways)]]
    rows += [
        [case.name, *(_search(case.ways.get(way)) or "-" for way in ways)] for case in searched
    ]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return [
        "## What searches took",
        "Compilation is included. The peer counts the configs that it ran, ours also those that failed before.",
        table,
    ]


def _search(record: WayRecord | None) -> str:
    if record is None or record.search_seconds is None:
        return ""
    tried = "?" if record.configs_tried is None else str(record.configs_tried)
    return f"{record.search_seconds:.1f}, {tried}"


def _share(case: CaseRecord, way: str) -> str:
    ratio = case.of_limit(way)
    return share(ratio) if ratio is not None else missing(case.ways.get(way))


def _refusals(cases: Sequence[CaseRecord]) -> list[str]:
    lines = [
        f"* {case.name}, {COLUMNS[way]}: {record.status}: {_one_line(record.reason)}"
        for case in cases
        for way, record in case.ways.items()
        if record.status != "measured"
    ]
    return ["## What was not measured", "\n".join(lines)] if lines else []


def _unfinished(cases: Sequence[CaseRecord]) -> list[str]:
    lines = [
        f"* {case.name}: {case.ending}: {_one_line(case.reason)}"
        for case in cases
        if case.ending != "measured"
    ]
    return ["## Cases that did not end", "\n".join(lines)] if lines else []


def _one_line(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 300 else words[:297] + "..."


def main(arguments: list[str]) -> int:
    """Write the page, and the plot."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.suite.report", description=__doc__)
    parser.add_argument(
        "results",
        nargs="+",
        type=Path,
        help="results.json of runs; of each way the last one counts",
    )
    parser.add_argument("--name", default="suite", help="of the files (suite)")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where they go")
    parser.add_argument("--spread", action="store_true", help="only print defaults beside tuned")
    given = parser.parse_args(arguments)
    results = merged(read_results(path) for path in given.results)
    if given.spread:
        print(spread(results.cases))
        return 0
    given.folder.mkdir(parents=True, exist_ok=True)
    image = given.folder / f"{given.name}.svg"
    drawn = plot(results, image)
    page = given.folder / f"{given.name}.md"
    page.write_text(document(results, image.name if drawn else None))
    print(summary(results.cases))
    print(f"wrote {page}" + (f" and {image}" if drawn else "; no plot, for matplotlib is missing"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
