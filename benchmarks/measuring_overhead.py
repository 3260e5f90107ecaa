"""What isolated measuring costs: whole searches with and without it, and the time around each measurement.

    python benchmarks/measuring_overhead.py [--seconds 15] [--size 4096] [--output report.json]

Each search of a bfloat16 matrix product starts from an empty cache of results, in a process of its own, so that neither
finds what the other compiled. Reported are seconds to the first trial and to the end, evaluations, failures and the
winner's time; then for one candidate, measured again and again in one process, the wall-clock time of a measurement
both ways (medians, milliseconds), and how long a worker takes to be ready: at first, in a second session of the same
process (both with what ending it takes), and after another one died.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

import helion
import helion.language as hl
from benchmarks.search_records import SearchRecord
from helion_autotune import Isolation
from helion_autotune.blueprint import portable
from helion_autotune.isolation import ForkServers
from helion_autotune.isolation.briefing import Briefing
from helion_autotune.isolation.workers import Workers
from helion_compiler.tuning.oracle import Oracle
from helion_compiler.tuning.workload import KernelWorkload

if TYPE_CHECKING:
    from collections.abc import Callable

REPETITIONS = 30


def matmul(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    m, k = x.size()
    k, n = y.size()
    out = torch.empty([m, n], dtype=x.dtype, device=x.device)
    for tile_m, tile_n in hl.tile([m, n]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(k):
            acc = torch.addmm(acc, x[tile_m, tile_k], y[tile_k, tile_n])
        out[tile_m, tile_n] = acc
    return out


def operands(size: int) -> tuple[torch.Tensor, torch.Tensor]:
    return (
        torch.randn(size, size, device="cuda", dtype=torch.bfloat16),
        torch.randn(size, size, device="cuda", dtype=torch.bfloat16),
    )


def search(size: int, seconds: float, *, isolated: bool) -> dict[str, Any]:
    """One search from nothing."""
    args = operands(size)
    torch.cuda.synchronize()
    with tempfile.TemporaryDirectory() as cache:
        kernel = helion.kernel(
            matmul,
            autotune_cache=cache,
            autotune_isolation=isolated,
            autotune_progress_bar=False,
        )
        start = time.time()
        config = kernel.autotune(args, seconds=seconds)
        took = time.time() - start
        record = SearchRecord.of(Path(cache))
    return {
        "isolated": isolated,
        "seconds": round(took, 2),
        "seconds_to_first_trial": round(record.times[0] - start, 2),
        "evaluations": record.evaluations,
        "statuses": record.statuses,
        "best_ms": record.best_ms,
        "config": str(config),
    }


def overhead(size: int) -> dict[str, Any]:
    """One candidate, measured both ways, and how long workers take to be ready."""
    args = operands(size)
    specialized = helion.kernel(matmul).bind(args)._implementation.specialized  # type: ignore[attr-defined]  # ours
    settings = specialized.definition.settings
    workload = KernelWorkload(
        specialized, args, lambda: Oracle.by_reference(matmul, args, settings)
    )
    config = specialized.space.default_config()
    built = specialized.build(config, workload._target)
    from helion_compiler.tuning.workload import Candidate

    candidate = Candidate(config, built)
    here = _median_ms(lambda: workload.measure(candidate, None))
    servers = ForkServers()
    first = _seconds(lambda: _next_session(workload, servers))
    second = _seconds(lambda: _next_session(workload, servers))
    workers = Workers(Briefing(workload.blueprint()), Isolation(), servers)
    try:
        workers._waiting(None)
        job = portable(workload.job(candidate))
        there = _median_ms(lambda: workers.measure(portable(workload.job(candidate)), None, None))
        workers._renew()
        again = _seconds(lambda: workers._waiting(None))
    finally:
        workers.close()
        servers.close()
    return {
        "bytes_of_a_job": len(job),
        "measuring_here_ms": here,
        "measuring_isolated_ms": there,
        "overhead_ms": round(there - here, 3),
        "first_worker_ready_s": first,
        "first_worker_of_a_second_session_ready_s": second,
        "next_worker_ready_s": again,
    }


def _next_session(workload: KernelWorkload, servers: ForkServers) -> None:
    """From nothing to a worker that waits for candidates, and its end."""
    workers = Workers(Briefing(workload.blueprint()), Isolation(), servers)
    workers._waiting(None)
    workers.close()


def _median_ms(run: Callable[[], object]) -> float:
    run()
    samples = []
    for _ in range(REPETITIONS):
        start = time.perf_counter()
        run()
        samples.append(time.perf_counter() - start)
    return round(statistics.median(samples) * 1e3, 3)


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return round(time.perf_counter() - start, 3)


def _in_a_process(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, __file__, *arguments]
    found = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    report: dict[str, Any] = json.loads(found.stdout.splitlines()[-1])
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--size", type=int, default=4096)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--only", choices=["isolated", "here", "overhead"], help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only == "overhead":
        print(json.dumps(overhead(given.size)))
        return
    if given.only is not None:
        print(json.dumps(search(given.size, given.seconds, isolated=given.only == "isolated")))
        return
    same = ["--seconds", str(given.seconds), "--size", str(given.size)]
    report = {
        only: _in_a_process("--only", only, *same) for only in ("isolated", "here", "overhead")
    }
    text = json.dumps(report, indent=1)
    print(text)
    if given.output is not None:
        given.output.write_text(text)


if __name__ == "__main__":
    main()
