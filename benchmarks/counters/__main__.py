"""The command: profile, print a page for each case as soon as it is known, and write pages and numbers."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.counters.machine_code import MachineCodeError
from benchmarks.counters.metrics import METRICS
from benchmarks.counters.nsight import Nsight, NsightError, find_ncu
from benchmarks.counters.page import case_page
from benchmarks.counters.profile import SUBJECT, profile
from benchmarks.counters.raw_page import RawPageError
from benchmarks.counters.subject import DEFAULT, LIMIT, TUNED
from benchmarks.suite.cases import selected
from benchmarks.suite.options import stored_configs
from benchmarks.suite.task import Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.counters.profile import Profile

HEAD = """# Counters

Times are of one launch, with caches empty and clocks as they are. Shares are of a resource's peak, those of stalls of
the time that warps spend. `benchmarks/counters/binding.py` has the rules by which something binds.
"""


def tasks(arguments: argparse.Namespace) -> list[list[Task]]:
    """Those of each case: its default, its tuned config and its limit, as far as they are asked for.

    Raises:
        ValueError: a pattern matches no case, or the stored results have no config of a case.
    """
    configs = {} if arguments.configs is None else stored_configs(arguments.configs)
    found = []
    for case in selected(arguments.only):
        if arguments.configs is not None and case.name not in configs:
            raise ValueError(f"{arguments.configs} has no tuned config of {case.name}")
        ways = [DEFAULT, *[TUNED] * (case.name in configs), *[LIMIT] * arguments.limit]
        config = configs.get(case.name)
        found.append(
            [
                Task(case=case.name, ways=(way,), folder=arguments.output, config=config)
                for way in ways
            ]
        )
    return found


def profile_case(
    nsight: Nsight, ways: Sequence[Task], program: Sequence[str] = SUBJECT
) -> tuple[list[Profile], list[str]]:
    """What was counted of a case, and why some of its ways have no counters."""
    profiles, problems = [], []
    for task in ways:
        try:
            one = profile(nsight, task, program=program)
        except (NsightError, RawPageError, MachineCodeError) as error:
            problems.append(f"{task.case}, {task.ways[0]}: {type(error).__name__}: {error}")
            continue
        written = task.folder / f"{task.case}.{task.ways[0]}.json"
        written.write_text(json.dumps(one.as_json(), indent=1))
        profiles.append(one)
    return profiles, problems


def main(arguments: Sequence[str]) -> int:
    """Profile what the command line says; 1 where something could not be counted."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        cases = tasks(given)
        metrics = tuple(metric for metric in METRICS if metric not in given.without)
        nsight = Nsight(find_ncu(given.ncu), metrics, given.seconds)
    except (ValueError, OSError, NsightError) as error:
        parser.error(str(error))
    failed = 0
    pages = [HEAD]
    for ways in cases:
        profiles, problems = profile_case(nsight, ways)
        failed += len(problems)
        for problem in problems:
            print(problem, file=sys.stderr, flush=True)
        if profiles:
            pages.append(case_page(profiles))
            print(f"\n{pages[-1]}", flush=True)
            (given.output / "counters.md").write_text("\n\n".join(pages) + "\n")
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.counters",
        description="Hardware counters and machine code of the suite's kernels: what keeps each from its limit.",
    )
    add = parser.add_argument
    add(
        "--only",
        nargs="+",
        required=True,
        metavar="PATTERN",
        help="cases, as benchmarks.suite has them",
    )
    add(
        "--configs", type=Path, metavar="FILE", help="results whose tuned configs are profiled, too"
    )
    add("--limit", action="store_true", help="profile the limit, too: the copy or the library")
    add(
        "--output",
        type=Path,
        default=Path("build/counters"),
        metavar="DIR",
        help="(build/counters)",
    )
    add("--seconds", type=float, default=240.0, help="after which a process is given up (240)")
    add("--ncu", metavar="PATH", help="Nsight Compute's command (ncu, on the PATH)")
    add("--without", nargs="+", default=[], metavar="METRIC", help="counters not to ask for")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
