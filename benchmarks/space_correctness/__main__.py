"""The command: draw, compile, run, and write ``outcomes.jsonl`` as it goes; begun again, it goes on from there.

Outcomes of other machines count as known where their files lie beside it as ``outcomes*.jsonl``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "examples"), str(ROOT / "integration_tests")]

from benchmarks.space_correctness.cases import DRAWS_ALIKE, names  # noqa: E402  # found only now
from benchmarks.space_correctness.outcome import FAILURES, Outcome, is_failure  # noqa: E402  # as above
from benchmarks.space_correctness.running import Workers, run_all, turns  # noqa: E402  # as above
from benchmarks.space_correctness.summary import summarise, text  # noqa: E402  # as above

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.space_correctness.running import Turn

TARGETS = ("sm_80", "sm_90", "sm_100", "gfx942")


def main(arguments: Sequence[str]) -> int:
    """Run what is not known yet; 1 where something failed."""
    given = _parser().parse_args(arguments)
    given.output.mkdir(parents=True, exist_ok=True)
    outcomes = []
    for path in sorted(given.output.glob("outcomes*.jsonl")):
        if given.retry:
            forget_failures(path)
        outcomes += read(path)
    chosen = [name for name in names() if _wanted(name, given.only)]
    commit = given.commit or _commit()

    def tell(found: list[Outcome]) -> None:
        found = [attrs.evolve(one, commit=commit) for one in found]
        outcomes.extend(found)
        with (given.output / "outcomes.jsonl").open("a") as file:
            file.write("".join(json.dumps(attrs.asdict(one)) + "\n" for one in found))
        for one in found:
            for what in failures(one):
                print(f"{what}: {one.case}/{one.kernel} draw {one.draw}", flush=True)

    workers = Workers(
        given.device,
        TARGETS if given.targets == [] else given.targets or (),
        given.compile_only,
        given.compiled or given.output / "compiled.jsonl",
    )
    deadline = time.monotonic() + given.budget if given.budget else None
    todo = _todo(given, chosen, outcomes)
    run_all(todo, tell, workers, processes=given.processes, deadline=deadline)
    summary = summarise([one for one in outcomes if one.case in chosen])
    (given.output / "summary.json").write_text(json.dumps(summary, indent=1))
    print(text(summary))
    return 1 if summary["failures"] or summary["not compiled"] else 0


def _todo(
    given: argparse.Namespace, chosen: Sequence[str], outcomes: Sequence[Outcome]
) -> list[Turn]:
    """The draws that are asked for and not known."""
    known = {(one.case, one.draw) for one in outcomes}
    draws = range(given.first, given.configs, given.every)
    todo = [(name, [draw for draw in draws if (name, draw) not in known]) for name in chosen]
    return turns(todo, DRAWS_ALIKE)


def failures(one: Outcome) -> list[str]:
    """What of an outcome has to be looked at: its kind, and the targets for which it does not compile."""
    kinds = [one.kind] if one.kind in FAILURES else []
    return kinds + [name for name, answer in one.targets.items() if is_failure(answer)]


def forget_failures(path: Path) -> None:
    """Leave the draws out of a file of which some outcome is a failure."""
    outcomes = read(path)
    failed = {(one.case, one.draw) for one in outcomes if failures(one)}
    kept = [one for one in outcomes if (one.case, one.draw) not in failed]
    beside = path.with_suffix(".new")
    beside.write_text("".join(json.dumps(attrs.asdict(one)) + "\n" for one in kept))
    beside.replace(path)


def read(path: Path) -> list[Outcome]:
    """What an earlier run wrote; a line that it did not end is left out."""
    outcomes = []
    for line in path.read_text().splitlines():
        try:
            outcomes.append(Outcome(**json.loads(line)))
        except ValueError:
            continue
    return outcomes


def _commit() -> str | None:
    """What git calls this tree, where it is one of git's."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() or None


def _wanted(name: str, patterns: Sequence[str]) -> bool:
    return not patterns or any(
        name.startswith(pattern) or fnmatchcase(name, pattern) for pattern in patterns
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.space_correctness", description=__doc__
    )
    add = parser.add_argument
    add(
        "--configs",
        type=int,
        default=20,
        metavar="N",
        help="to draw for each kernel of a case (20)",
    )
    add(
        "--every",
        type=int,
        default=1,
        metavar="N",
        help="only each Nth of these: 4 has other sizes and another dtype each time (1)",
    )
    add("--first", type=int, default=0, metavar="N", help="begin there: before it is another's (0)")
    add("--only", nargs="+", default=[], metavar="PATTERN", help="cases, by how their names begin")
    add("--device", default="cpu", help="where they run: cpu (interpreted) or cuda")
    add(
        "--targets",
        nargs="*",
        help=f"also compile each config, for {', '.join(TARGETS)} or those named",
    )
    add(
        "--compile-only",
        action="store_true",
        help="compile for --targets what would run on the device, and do not run it",
    )
    add(
        "--compiled",
        type=Path,
        metavar="FILE",
        help="what compiles for which target, added to and not compiled again (DIR/compiled.jsonl)",
    )
    add(
        "--retry",
        action="store_true",
        help="forget the draws that failed, or were slow, and do them again",
    )
    add("--processes", type=int, default=1, help="that run beside each other (1)")
    add("--budget", type=float, metavar="SECONDS", help="when to end, whatever runs then")
    add("--commit", help="what is tried, for the outcomes (what git says)")
    add("--output", type=Path, required=True, metavar="DIR", help="where outcomes are written")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
