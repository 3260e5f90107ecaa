"""Every case in a process of its own, on one GPU or several, and a table of what came of it.

python -m benchmarks.gallery_defaults --output DIR [--gpus 0 1] [--only CASE ...] [--seconds 8] [--budget SECONDS]

``DIR/results.jsonl`` has a line for each kernel; begun again, cases with one there are left out. Each GPU has its share
of the machine's cores.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

from benchmarks.gallery_defaults.sizes import SIZES
from benchmarks.suite.spread import AT_LEAST
from benchmarks.suite.table import aligned

#: Besides searching: importing, making arguments, compiling and running at the default, timing; a case has few kernels.
AROUND = 60.0
KERNELS = 3


def run_all(
    cases: list[str], gpus: list[int], seconds: float, budget: float, output: Path
) -> dict[str, str]:
    """Why cases failed, by name. Cases that the budget leaves no time for are not tried."""
    waiting, failures = deque(cases), {}
    ends = time.monotonic() + budget
    cores = sorted(os.sched_getaffinity(0))

    def lane(number: int) -> None:
        own = cores[number :: len(gpus)]
        while waiting and (left := ends - time.monotonic()) > 0:
            name = waiting.popleft()
            limit = AROUND + KERNELS * seconds
            late = f"took more than {limit:.0f} s"
            if left < limit:
                limit, late = left, f"the budget ended {left:.1f} s after it began"
            problem = _run(name, gpus[number], own, seconds, limit, late, output)
            if problem is not None:
                failures[name] = problem
            print(f"{name}: {problem or 'measured'}", flush=True)

    threads = [threading.Thread(target=lane, args=(number,)) for number in range(len(gpus))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    failures.update((name, "no time was left") for name in waiting)
    return failures


def _run(
    name: str, gpu: int, cores: list[int], seconds: float, limit: float, late: str, output: Path
) -> str | None:
    """Why a case could not be measured, if so; ``late`` after ``limit`` seconds."""
    log = output / f"{name}.log"
    command = [sys.executable, "-m", "benchmarks.gallery_defaults.measuring"]
    arguments = [name, str(seconds), str(output / "results.jsonl")]
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    device = visible.split(",")[gpu] if visible else str(gpu)
    with log.open("w") as file:
        process = subprocess.Popen(
            [*command, *arguments],
            stdout=file,
            stderr=file,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": device},
        )
        os.sched_setaffinity(process.pid, cores)
        try:
            status = process.wait(limit)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return late
    if status == 0:
        return None
    lines = log.read_text(errors="replace").splitlines()
    return next((line for line in reversed(lines) if line.strip()), f"ended with {status}")[:200]


def read(path: Path) -> list[dict[str, Any]]:
    """The lines of earlier results."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def table(results: list[dict[str, Any]]) -> str:
    """A line for each kernel, the slowest default first."""
    rows = [["case", "kernel", "default µs", "tuned µs", "default/tuned"]]
    for one in sorted(results, key=lambda one: float(one["of_tuned"])):
        times = [f"{1000 * one[f'{name}_ms']:.1f}" for name in ("default", "tuned")]
        rows.append([one["case"], one["kernel"], *times, f"{one['of_tuned']:.2f}"])
    enough = sum(one["of_tuned"] >= AT_LEAST for one in results)
    return (
        f"{aligned(rows)}\n{enough} of {len(results)} defaults reach {AT_LEAST} of the tuned speed"
    )


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add = parser.add_argument
    add("--output", type=Path, required=True)
    add("--gpus", type=int, nargs="+", default=[0])
    add("--only", nargs="+", choices=list(SIZES), metavar="CASE")
    add("--seconds", type=float, default=8.0, help="for each search (8)")
    add("--budget", type=float, default=float("inf"), help="in seconds, for everything")
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    path = given.output / "results.jsonl"
    known = {one["case"] for one in read(path)}
    cases = [name for name in given.only or SIZES if name not in known]
    failures = run_all(cases, given.gpus, given.seconds, given.budget, given.output)
    if results := read(path):
        print(table(results))
    for name, problem in failures.items():
        print(f"{name}: {problem}")


if __name__ == "__main__":
    main()
