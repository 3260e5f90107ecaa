"""Serve draws on standard input, one line of JSON each, until it ends: ``{"case", "draw"}`` -> a list of outcomes.

python -m benchmarks.space_correctness.worker DEVICE [TARGET ...]
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import attrs

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "examples"), str(ROOT / "integration_tests")]

from benchmarks.space_correctness.checking import CaseChecker  # noqa: E402  # found only now
from benchmarks.space_correctness.compiling import Compiler  # noqa: E402  # as above


def serve(device: str, targets: list[str]) -> None:
    """Answer lines. What kernels and compilers print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    checker: CaseChecker | None = None
    with Compiler() as compiler:
        for line in sys.stdin:
            request = json.loads(line)
            if checker is None or checker.name != request["case"]:
                checker = CaseChecker(request["case"], device, compiler, targets)
            outcomes = checker.check(request["draw"])
            print(json.dumps([attrs.asdict(one) for one in outcomes]), file=answers, flush=True)


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2:])
