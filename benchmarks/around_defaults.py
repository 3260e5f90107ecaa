"""What would be faster near the config that runs untuned: what the model ranks wrong, a few keys at a time.

python -m benchmarks.around_defaults CASE ... --keys loop_orders l2_groupings [--steps 2] [--output FILE.jsonl]

Cases are those of the suite and of the gallery, by how their names begin. Of each kernel: the default config, and every
point up to ``--steps`` steps from it, each step of one of the keys; compiled by as many processes as there are cores,
and timed in turns, without a comparison. Needs a GPU. ``FILE.jsonl`` gets a line for each kernel.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import torch

from benchmarks.gallery_defaults.measuring import timed_calls
from benchmarks.gallery_defaults.sizes import SIZES
from benchmarks.suite.cases import CASES
from benchmarks.suite.examples import kernel_of
from benchmarks.suite.measuring import in_turns, milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from helion_autotune import Point, Space
    from helion_compiler.specialized_kernel import SpecializedKernel

SHOWN = 8
ROUNDS = 2


@attrs.frozen
class Call:
    """A kernel and what it is called with."""

    case: str
    kernel: Any
    arguments: tuple[Any, ...]


def around(space: Space, point: Point, keys: Sequence[str], steps: int) -> list[Point]:
    """``point``, and what is up to ``steps`` steps from it, each of a parameter that belongs to one of ``keys``."""
    found = {point: None}
    last = [point]
    for _ in range(steps):
        reached = dict.fromkeys(
            other
            for one in last
            for other in space.neighbours(one)
            if other not in found and all(_key(name) in keys for name in differing(point, other))
        )
        found.update(reached)
        last = list(reached)
    return list(found)


def differing(point: Point, other: Point) -> dict[str, Any]:
    """What the second has otherwise than the first."""
    return {name: value for name, value in other.items() if value != point[name]}


def _key(name: str) -> str:
    """The key of a config that a parameter is an entry of."""
    return name.partition("[")[0]


def calls(patterns: Sequence[str]) -> Iterator[Call]:
    """Those of the suite, and of the gallery where the suite has none."""
    for case in CASES:
        if case.name.startswith(tuple(patterns)):
            yield Call(case.name, kernel_of(case), case.make("cuda"))
    for name in SIZES:
        if name.startswith(tuple(patterns)):
            _, found = timed_calls(name)
            for call in found:
                yield Call(name, call.kernel, call.arguments)


def measured(call: Call, keys: Sequence[str], steps: int) -> dict[str, Any]:
    """The milliseconds of each point, the default first."""
    from helion_compiler.building import target_of_device
    from helion_compiler.building.compile_pool import CompilePool

    bound = call.kernel.bind(call.arguments)
    specialized: SpecializedKernel = bound._implementation.specialized
    space, target = specialized.space, target_of_device(torch.device("cuda"))
    default = space.point(space.default_config())
    points = around(space.space, default, keys, steps)
    cores = len(os.sched_getaffinity(0))
    with CompilePool(cores) as pool, ThreadPoolExecutor(cores) as threads:

        def build(point: Point) -> str:
            try:
                specialized.build(space.config(point), target, compiler=pool.compile)
            except Exception as error:  # noqa: BLE001  # whatever it is, the others are measured
                return _first_line(error)
            return ""

        problems = dict(zip(points, threads.map(build, points), strict=True))
    runs = {
        point: partial(bound.compile_config(space.config(point)), *call.arguments)
        for point, problem in problems.items()
        if not problem
    }
    refused: list[str] = []
    times = in_turns(
        {str(number): partial(milliseconds, run) for number, run in enumerate(runs.values())},
        rounds=ROUNDS,
        failed=lambda _, error: refused.append(_first_line(error)),
    )
    medians = [statistics.median(found) if found else math.inf for found in times.values()]
    return {
        "case": call.case,
        "kernel": call.kernel.name,
        "default": json.loads(space.default_config().to_json()),
        "default_ms": medians[0],
        "others": [
            {"differs": differing(default, point), "ms": ms}
            for point, ms in list(zip(runs, medians, strict=True))[1:]
            if ms < math.inf
        ],
        "failed": dict(Counter([*filter(None, problems.values()), *refused])),
    }


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0]}"


def told(result: dict[str, Any]) -> str:
    """The default, and the fastest of the others."""
    default = result["default_ms"]
    lines = [f"{result['case']}/{result['kernel']}: untuned {default * 1e3:.1f} µs"]
    for one in sorted(result["others"], key=lambda one: one["ms"])[:SHOWN]:
        changes = ", ".join(f"{name} = {value}" for name, value in one["differs"].items())
        lines.append(f"    {one['ms'] * 1e3:9.1f} µs, {default / one['ms']:.2f}: {changes}")
    lines += [f"    {number} failed: {problem}" for problem, number in result["failed"].items()]
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> None:
    """Measure the cases asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="+", metavar="CASE")
    parser.add_argument("--keys", nargs="+", required=True, metavar="KEY")
    parser.add_argument("--steps", type=int, default=1)
    parser.add_argument("--output", type=Path, metavar="FILE.jsonl")
    given = parser.parse_args(arguments)
    for call in calls(given.cases):
        result = measured(call, given.keys, given.steps)
        print(told(result), flush=True)
        if given.output is not None:
            with given.output.open("a") as file:
                file.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
