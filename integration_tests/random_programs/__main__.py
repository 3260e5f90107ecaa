"""``python -m integration_tests.random_programs --count 2000 --start 0``: run programs and report on them."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from .check import Outcome, check
from .limits import compiler
from .program import write
from .reduce import MOST_CHECKS, reduce_program
from .running import Worker, as_json, refusals, run_all, serve

if TYPE_CHECKING:
    from .program import RandomProgram

SECONDS_OF_A_CANDIDATE = 20
"""How long a smaller program may compute."""


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--start", type=int, default=0, help="the number of the first program")
    parser.add_argument("--count", type=int, default=100, help="how many programs to run")
    parser.add_argument("--device", default="cpu", help="where they run: cpu (interpreted) or cuda")
    parser.add_argument("--target", help="what each has to compile for, too: sm_90")
    parser.add_argument(
        "--output", type=Path, help="a file for the outcomes, one line of JSON each"
    )
    parser.add_argument(
        "--show", type=int, help="print one program, run it here, and say what came of it"
    )
    parser.add_argument("--reduce", type=int, help="make one failing program smaller, and print it")
    parser.add_argument(
        "--checks", type=int, default=MOST_CHECKS, help="how many programs --reduce may run"
    )
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.target)
        return 0
    if options.show is not None:
        return _show(options.show, options.device, options.target)
    if options.reduce is not None:
        return _reduce(options.reduce, Worker(options.device, options.target), options.checks)
    numbers = range(options.start, options.start + options.count)
    outcomes = []
    for outcome in run_all(numbers, options.device, options.target):
        outcomes.append(outcome)
        if outcome.failed:
            print(f"--- {outcome.number}: {outcome.kind}\n{outcome.detail}", flush=True)
        if options.output:
            with options.output.open("a") as file:
                file.write(as_json(outcome) + "\n")
    return _summarise(outcomes)


def _summarise(outcomes: list[Outcome]) -> int:
    kinds = Counter(outcome.kind for outcome in outcomes)
    print(
        f"{len(outcomes)} programs: " + ", ".join(f"{n} {kind}" for kind, n in kinds.most_common())
    )
    for name, count in refusals(outcomes).most_common():
        print(f"  refused {count:5} {name}")
    failed = [outcome for outcome in outcomes if outcome.failed]
    if failed:
        print(f"failed: {' '.join(str(outcome.number) for outcome in failed)}")
        print(f"\nthe first of them, {failed[0].number}:\n{write(failed[0].number).source}")
    return 1 if failed else 0


def _show(number: int, device: str, target: str | None) -> int:
    program = write(number)
    print(program.source)
    for spec in program.tensors:
        print(f"# {spec}")
    with compiler(device, target) as compile_:
        outcome = check(program, device, target=target, compiler=compile_)
    print(f"{outcome.kind}\n{outcome.detail}")
    return 1 if outcome.failed else 0


def _reduce(number: int, worker: Worker, most: int) -> int:
    def checked(program: RandomProgram, attempt: int) -> Outcome:
        return worker.run(program, attempt, SECONDS_OF_A_CANDIDATE)

    try:
        reduced = reduce_program(
            write(number), checked, most, lambda text: print(text, file=sys.stderr)
        )
    finally:
        worker.close()
    smaller, outcome = reduced.program, reduced.outcome
    print(smaller.source)
    for spec in smaller.tensors:
        print(f"# {spec}")
    print(f"{smaller.numbers} static_shapes={smaller.static_shapes}")
    print(f"{outcome.kind}\n{outcome.detail}")
    return 1 if outcome.failed else 0


if __name__ == "__main__":
    sys.exit(main())
