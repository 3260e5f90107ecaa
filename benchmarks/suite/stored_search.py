"""How long the first call takes: with a search from nothing, and with the result that it stored.

python -m benchmarks.suite.stored_search [--seconds 30] [--output report.json]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

import helion
from benchmarks.suite.cases import named
from benchmarks.suite.examples import eager_of, kernel_of
from benchmarks.suite.fixed_configs import CASE
from benchmarks.suite.machine import describe
from benchmarks.suite.measuring import beside


def report(seconds: float | None) -> dict[str, Any]:
    """A product of 4096³ in bfloat16 in an empty cache, and then in a fresh kernel with what that left."""
    case = named(CASE)
    args, eager = case.make("cuda"), eager_of(case)
    with tempfile.TemporaryDirectory() as cache:
        searched, kernel = _first_call(kernel_of(case).fn, args, cache, seconds)
        ms, torch_ms = beside(lambda: kernel(*args), lambda: eager(*args))
        stored, _ = _first_call(kernel_of(case).fn, args, cache, seconds)
    return {
        "machine": describe(),
        "seconds": searched,
        "seconds_with_stored_result": stored,
        "ms": ms,
        "torch_ms": torch_ms,
        "of_torch": torch_ms / ms,
    }


def _first_call(
    function: Any, args: tuple[Any, ...], cache: str, seconds: float | None
) -> tuple[float, Any]:
    kernel: Any = helion.kernel(
        function, autotune_cache=cache, autotune_budget_seconds=seconds, autotune_effort="quick"
    )
    began = time.perf_counter()
    kernel(*args)
    torch.cuda.synchronize()
    return time.perf_counter() - began, kernel


def main(arguments: list[str]) -> None:
    """Print the report, and write it where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--seconds", type=float, help="of the search; the default effort's if left out"
    )
    parser.add_argument("--output", type=Path)
    given = parser.parse_args(arguments)
    text = json.dumps(report(given.seconds), indent=1)
    print(text)
    if given.output is not None:
        given.output.write_text(text)


if __name__ == "__main__":
    main(sys.argv[1:])
