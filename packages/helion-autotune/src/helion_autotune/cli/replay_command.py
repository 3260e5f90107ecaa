"""``helion-autotune replay``: how strategies would have done on recorded evaluations."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from helion_autotune.replay import compare, recordings
from helion_autotune.strategies import known_strategies, strategy
from helion_autotune.text_files import write_text

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from helion_autotune.replay import Comparison, Problem, Recording
    from helion_autotune.replay.comparison import Interval, Row
    from helion_autotune.strategies import Strategy

#: Strategies that tell nothing here: one follows the order of the records, the other needs results of other keys.
_POINTLESS = frozenset({"finite", "warm_start"})

_DESCRIPTION = """
Each strategy searches among the points that were recorded, and only those: random points are recorded ones, the
neighbours of a point are the recorded ones nearest to it, and a solver's vector means the nearest recorded point. So
each time it is told was measured. What it cannot show is what a strategy would have found between them: record broad
sweeps. Regret is how much slower the best point found is than the best one recorded, and "behind" is the difference
from the first strategy, run by run. Intervals are 95 % by bootstrap: the first of "behind" says where it would lie with
other seeds on these recordings, all others where with other recordings of the kind, too.
"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to a parser's."""
    parser = commands.add_parser(
        "replay", help="compare strategies on records, without a GPU", description=_DESCRIPTION
    )
    parser.add_argument(
        "records",
        nargs="+",
        type=Path,
        help="files of records, also .gz ones, or directories of them",
    )
    parser.add_argument(
        "--strategies",
        type=lambda text: text.split(","),
        metavar="NAME,...",
        help="the first is what the others are compared with; default: all, the default strategy first",
    )
    parser.add_argument(
        "--seeds", type=int, default=7, help="searches per recording and strategy (default: 7)"
    )
    parser.add_argument(
        "--first-seed",
        type=int,
        default=0,
        metavar="N",
        help="count seeds from N (default: 0): confirm with others what you chose with some",
    )
    parser.add_argument(
        "--after",
        type=int,
        nargs="+",
        default=[16, 32, 64, 128],
        metavar="N",
        help="evaluations (default: 16 32 64 128)",
    )
    parser.add_argument(
        "--unseeded", action="store_true", help="do not begin with the seeds of the session"
    )
    parser.add_argument("--json", type=Path, metavar="PATH", help="write every run and row there")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Replay, print a table, and write JSON where that is asked for."""
    names = options.strategies or _all_strategies()
    for name in names:
        strategy(name)  # before minutes of replaying
    found = recordings(options.records)
    _print_recordings(found)
    comparison = compare(
        found, {name: _maker(name) for name in names},
        seeds=options.seeds, first_seed=options.first_seed, after=sorted(options.after),
        seeded=not options.unseeded, told=_tell,
    )  # fmt: skip
    print("\n".join(table(comparison)))
    if options.json is not None:
        write_text(options.json, json.dumps(comparison.to_json(), indent=1))
    return 0


def table(comparison: Comparison) -> list[str]:
    """The lines of the table; for each number of evaluations, the strategy with the least regret first."""
    lines = []
    for evaluations in dict.fromkeys(row.evaluations for row in comparison.rows):
        rows = [row for row in comparison.rows if row.evaluations == evaluations]
        lines += [
            "",
            f"after {evaluations} evaluations",
            f"  {'strategy':24}{'regret':>24}   {'behind, by other seeds':26}by other recordings",
        ]
        lines += [_line(row) for row in sorted(rows, key=lambda row: row.regret.mean)]
    return lines


def _line(row: Row) -> str:
    regret = f"{row.regret.mean:.2%} {_ends(row.regret.other_problems)}"
    if row.behind is None:
        behind = "(the others are compared with this one)"
    else:
        here = f"{row.behind.mean:.2%} {_ends(row.behind.other_seeds)}"
        behind = f"{here:26}{_ends(row.behind.other_problems)}"
    return f"  {row.strategy:24}{regret:>24}   {behind}"


def _ends(one: Interval) -> str:
    return f"[{one.low:.2%}, {one.high:.2%}]"


def _print_recordings(found: Sequence[Recording]) -> None:
    for one in found:
        failed = sum(not trial.ok for trial in one.trials.values())
        print(
            f"{one.name}: {len(one.trials)} points, {failed} failed, {len(one.seeds)} seeds, best {one.best_ms:.4g} ms"
        )


def _all_strategies() -> list[str]:
    names = [name for name in known_strategies() if name not in _POINTLESS]
    if find_spec("sklearn") is None and "forest" in names:
        names.remove("forest")
        print("forest is left out: it needs scikit-learn", file=sys.stderr)
    return sorted(names, key=lambda name: (name != "default", name))


def _maker(name: str) -> Callable[[], Strategy]:
    return lambda: strategy(name)


def _tell(name: str, problem: Problem) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{name} on {problem.name}", end="\r", file=sys.stderr, flush=True)
