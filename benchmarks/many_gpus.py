"""Evaluations per second of one search on one GPU and on several of the same host.

    python -m benchmarks.many_gpus [--gpus 1 2] [--size 4096] [--evaluations 256] [--output report.json]

Each search of a bfloat16 matrix product takes random points, the same for every number of GPUs and known from its
beginning, checks and times them as any search does, in a process of its own with empty caches. Reported are seconds and
evaluations per second of the whole; and from the first measurement on, when workers stand ready. A second search in the
same process takes the same points again, with everything compiled (Triton's cache) and workers' imports done: what is
left is measuring.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

import helion
from benchmarks.measuring_overhead import matmul, operands
from benchmarks.search_records import SearchRecord
from helion_autotune.strategies.random import RandomSearch

#: More than a search takes.
SECONDS = 500.0


def search(gpus: int, size: int, evaluations: int) -> dict[str, Any]:
    """Two searches of the same points; the second finds what the first has compiled."""
    args = operands(size)
    torch.cuda.synchronize()
    report: dict[str, Any] = {"gpus": gpus, "model": torch.cuda.get_device_name()}
    for name in ("from_nothing", "compiled"):
        with tempfile.TemporaryDirectory() as cache:
            kernel = helion.kernel(
                matmul,
                autotune_cache=cache,
                autotune_devices=",".join(map(str, range(gpus))),
                autotune_progress_bar=False,
                autotune_random_seed=1,
            )
            start = time.time()
            config = kernel.autotune(
                args,
                seconds=SECONDS,
                evaluations=evaluations,
                strategy=RandomSearch(evaluations, batch=evaluations),
            )
            took = time.time() - start
            report[name] = {**_rates(Path(cache), start, took), "config": str(config)}
    return report


def _rates(cache: Path, start: float, took: float) -> dict[str, Any]:
    """What the records say of a search that began at ``start`` (seconds of the clock) and took so long."""
    record = SearchRecord.of(cache)
    evaluations, between = record.evaluations, record.times[-1] - record.times[0]
    return {
        "seconds": round(took, 2),
        "evaluations": evaluations,
        "failed": evaluations - record.statuses.get("ok", 0),
        "seconds_to_first_trial": round(record.times[0] - start, 2),
        "per_second": round(evaluations / took, 2),
        "per_second_once_begun": round((evaluations - 1) / between, 2) if between else None,
        "best_ms": record.best_ms,
    }


def _in_a_process(gpus: int, size: int, evaluations: int) -> dict[str, Any]:
    command = [
        sys.executable,
        "-m",
        "benchmarks.many_gpus",
        "--only",
        str(gpus),
        "--size",
        str(size),
        "--evaluations",
        str(evaluations),
    ]
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "TRITON_CACHE_DIR": cache}
        found = subprocess.run(
            command, stdout=subprocess.PIPE, text=True, check=True, env=environment
        )
    report: dict[str, Any] = json.loads(found.stdout.splitlines()[-1])
    return report


def main() -> None:
    """Print a report as JSON, with the ratios to one GPU."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--gpus", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--size", type=int, default=4096)
    parser.add_argument("--evaluations", type=int, default=256)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--only", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only is not None:
        print(json.dumps(search(given.only, given.size, given.evaluations)))
        return
    reports = [_in_a_process(gpus, given.size, given.evaluations) for gpus in given.gpus]
    for report in reports:
        for name in ("from_nothing", "compiled"):
            for rate in ("per_second", "per_second_once_begun"):
                first, own = reports[0][name][rate], report[name][rate]
                report[name][f"{rate}_ratio"] = round(own / first, 2)
    text = json.dumps(reports, indent=1)
    print(text)
    if given.output is not None:
        given.output.write_text(text)


if __name__ == "__main__":
    main()
