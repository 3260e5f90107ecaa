"""Microseconds of a small kernel in a chain, launched ordinarily and with ``programmatic_dependent_launch``.

python -m benchmarks.dependent_launches [--output report.json]

Needs an NVIDIA GPU from sm_90 on. Each kernel of a chain reads what the one before it wrote. Chains run as a CUDA graph
and as calls of their own; those with and without take turns. Eager calls of small kernels are bound by the host, so it
is the graph that shows what the GPU saves.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

import helion
from benchmarks.suite.examples import load
from benchmarks.suite.machine import describe

if TYPE_CHECKING:
    from collections.abc import Callable

LINKS, ROUNDS, REPLAYS = 64, 15, 20
WIDTH = 4096
ROWS = (1, 8, 64, 512, 4096)


def chains(rows: int) -> dict[str, Callable[[], object]]:
    """A chain of normalised rows and one of sums, each ordinary and dependent."""
    x = torch.randn(rows, WIDTH, device="cuda", dtype=torch.bfloat16)
    weight = torch.ones(WIDTH, device="cuda", dtype=torch.bfloat16)
    found: dict[str, Callable[[], object]] = {}
    for way, dependent in (("ordinary", False), ("dependent", True)):
        settings: dict[str, Any] = {
            "programmatic_dependent_launch": dependent,
            "autotune_effort": "none",
        }
        norm: Any = helion.kernel(load("rms_norm").rms_norm_forward.fn, **settings)
        add: Any = helion.kernel(load("add").add.fn, **settings)
        found[f"rms_norm, {way}"] = partial(_normalise, norm, x, weight)
        found[f"add, {way}"] = partial(_sum, add, x, torch.zeros_like(x))
    return found


def _normalise(kernel: Any, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    for _ in range(LINKS):
        x = kernel(x, weight, 1e-5)[0]
    return x


def _sum(kernel: Any, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    for _ in range(LINKS):
        x = kernel(x, y)
    return x


def graph_of(chain: Callable[[], Any]) -> torch.cuda.CUDAGraph:
    """The chain, recorded."""
    chain()  # compiles, and loads modules
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        chain()
    return graph


def in_turns(ways: dict[str, Callable[[], object]]) -> dict[str, float]:
    """The median microseconds of a link, by device events, in turns."""
    samples: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, run in ways.items():
            begin, end = _event(), _event()
            run()
            begin.record()
            for _ in range(REPLAYS):
                run()
            end.record()
            end.synchronize()
            samples[name].append(begin.elapsed_time(end) / REPLAYS / LINKS * 1e3)
    return {name: round(statistics.median(found), 3) for name, found in samples.items()}


def _event() -> Any:
    make: Any = torch.cuda.Event
    return make(enable_timing=True)


def measure(rows: int) -> dict[str, float]:
    """All chains over so many rows."""
    made = chains(rows)
    results = {name: chain() for name, chain in made.items()}
    for name in ("rms_norm", "add"):
        torch.testing.assert_close(results[f"{name}, dependent"], results[f"{name}, ordinary"])
    graphs = {f"{name}, graph": graph_of(chain).replay for name, chain in made.items()}
    eager = {f"{name}, calls": chain for name, chain in made.items()}
    return in_turns({**graphs, **eager})


def main() -> None:
    """Print the times, and write them where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args(sys.argv[1:])
    report = {str(rows): measure(rows) for rows in ROWS}
    for rows, found in report.items():
        for name, microseconds in found.items():
            if "dependent" in name:
                ordinary = found[name.replace("dependent", "ordinary")]
                kernel, _, way = name.split(", ")
                print(
                    f"{kernel:<10}{rows:>6} rows of {WIDTH}, {way:<6}{ordinary:8.2f} µs ordinary,"
                    f"{microseconds:8.2f} µs dependent: {microseconds / ordinary:5.2f}"
                )
    if options.output is not None:
        options.output.write_text(json.dumps({"machine": describe(), "us": report}, indent=1))


if __name__ == "__main__":
    main()
