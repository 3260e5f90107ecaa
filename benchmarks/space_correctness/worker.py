"""Serve draws on standard input, one line of JSON each, until it ends: ``{"case", "draw"}`` -> a list of outcomes.

python -m benchmarks.space_correctness.worker DEVICE [--compile-only] [--compiled FILE] [--targets TARGET ...]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import triton

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "examples"), str(ROOT / "integration_tests")]

from benchmarks.space_correctness.checking import CaseChecker  # noqa: E402  # found only now
from benchmarks.space_correctness.compiled import Compiled  # noqa: E402  # as above
from benchmarks.space_correctness.compiling import Compiler  # noqa: E402  # as above

if TYPE_CHECKING:
    from collections.abc import Sequence


def serve(device: str, targets: Sequence[str], compiled: Compiled, *, runs: bool) -> None:
    """Answer lines. What kernels and compilers print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    checker: CaseChecker | None = None
    with Compiler(compiled=compiled) as compiler:
        for line in sys.stdin:
            request = json.loads(line)
            if checker is None or checker.name != request["case"]:
                checker = CaseChecker(request["case"], device, compiler, targets, runs)
            outcomes = checker.check(request["draw"])
            print(json.dumps([attrs.asdict(one) for one in outcomes]), file=answers, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("device")
    parser.add_argument("--compile-only", action="store_true")
    parser.add_argument("--targets", nargs="*", default=[])
    parser.add_argument("--compiled", type=Path)
    return parser


if __name__ == "__main__":
    given = _parser().parse_args()
    compiled = Compiled(triton.__version__, given.compiled)
    serve(given.device, given.targets, compiled, runs=not given.compile_only)
