"""A product of 4096³ in bfloat16 at fixed configs, each in turns with torch: what a GPU gives without a search.

python -m benchmarks.suite.fixed_configs [--output report.json]
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import helion
from benchmarks.suite.cases import named
from benchmarks.suite.comparing import compare
from benchmarks.suite.examples import eager_of, expected_of, kernel_of
from benchmarks.suite.machine import describe
from benchmarks.suite.measuring import beside

if TYPE_CHECKING:
    import torch

CASE = "matmul-4096x4096x4096"
WIDE = {"block_sizes": [128, 256, 64], "num_warps": 8, "l2_groupings": [8]}
SQUARE = {"block_sizes": [128, 128, 64], "num_stages": 4}
ROLLING = {"pid_type": "persistent_interleaved", "range_flattens": [True, None]}
DESCRIPTORS = "tensor_descriptor"
CONFIGS: tuple[dict[str, Any], ...] = (
    {**WIDE, "num_stages": 3},
    {**WIDE, "num_stages": 4},
    {**WIDE, "num_stages": 3, "indexing": DESCRIPTORS},
    {**WIDE, "num_stages": 4, "indexing": DESCRIPTORS},
    {**WIDE, **ROLLING, "num_stages": 4, "indexing": [DESCRIPTORS, DESCRIPTORS, "pointer"]},
    {**WIDE, **ROLLING, "num_stages": 3, "indexing": DESCRIPTORS},
    {**SQUARE, "num_warps": 4, "l2_groupings": [8], "indexing": DESCRIPTORS},
    {**SQUARE, "num_warps": 8, "l2_groupings": [16]},
)


def rows() -> list[dict[str, Any]]:
    """One for each config."""
    case = named(CASE)
    args = case.make("cuda")
    expected = expected_of(case)(*args)
    bound: Any = kernel_of(case).bind(args)
    return [_row(bound, config, args, expected) for config in CONFIGS]


def _row(
    bound: Any, config: dict[str, Any], args: tuple[torch.Tensor, ...], expected: torch.Tensor
) -> dict[str, Any]:
    try:
        run = bound.compile_config(helion.Config(**config))
        comparison = compare(run(*args), expected)
    except helion.exc.HelionError as problem:
        return {"config": config, "problem": str(problem)}
    eager = eager_of(named(CASE))
    ms, torch_ms = beside(lambda: run(*args), lambda: eager(*args))
    m, n, k = named(CASE).sizes
    return {
        "config": config,
        "relative_error": comparison.error,
        "wrong": comparison.wrong,
        "ms": ms,
        "torch_ms": torch_ms,
        "of_torch": torch_ms / ms,
        "tflops": 2.0 * m * n * k / ms / 1e9,
    }


def main(arguments: list[str]) -> None:
    """Print the rows, and write them where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args(arguments)
    report = {"machine": describe(), "rows": rows()}
    for row in report["rows"]:
        print(json.dumps(row)[:600], flush=True)
    if given.output is not None:
        given.output.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])
