"""Host time of a small call with three tensors, one of them allocated, beside torch and a bare Triton launch.

python -m benchmarks.suite.host_time [--output report.json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import triton
import triton.language as tl

import helion
import helion_runtime
from benchmarks.suite.examples import load
from benchmarks.suite.machine import describe
from helion_compiler import BuildRequest, build_bundle
from helion_compiler.building import target_of_device

if TYPE_CHECKING:
    from collections.abc import Callable

CONFIG = helion.Config(block_sizes=[64, 64, 64], num_warps=4)


@triton.jit  # type: ignore[untyped-decorator]  # Triton's
def _bare_add(x, y, out, n: tl.constexpr):  # type: ignore[no-untyped-def]  # Triton's language
    index = tl.arange(0, n)
    tl.store(out + index, tl.load(x + index) + tl.load(y + index))


def microseconds(fn: Callable[[], object], calls: int = 2000, rounds: int = 15) -> float:
    """The median host time of one call; the GPU keeps up, for the work is tiny."""
    for _ in range(200):
        fn()
    samples = []
    for _ in range(rounds):
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(calls):
            fn()
        samples.append((time.perf_counter() - start) / calls * 1e6)
    torch.cuda.synchronize()
    return statistics.median(samples)


def times() -> dict[str, float]:
    """Microseconds of each kind of call; of a bundle last, for its runtime is loaded beside the compiler."""
    x, y = (torch.randn(64, 64, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    v, w = (torch.randn(1024, device="cuda") for _ in range(2))
    function = load("matmul").matmul.fn
    kernel: Any = helion.kernel(function, config=CONFIG)
    torch.testing.assert_close(kernel(x, y), x @ y, rtol=2e-2, atol=2e-1)
    found = {
        "JIT mode": microseconds(lambda: kernel(x, y)),
        "torch.mm": microseconds(lambda: torch.mm(x, y)),
        "bare Triton": microseconds(lambda: _bare_add[(1,)](v, w, torch.empty_like(v), 1024)),
        "eager x + y": microseconds(lambda: x + y),
        "empty": microseconds(lambda: torch.empty((64, 64), dtype=torch.bfloat16, device="cuda")),
        "bundle": _of_a_bundle(x, y),
    }
    return {name: round(value, 2) for name, value in found.items()}


def _of_a_bundle(x: torch.Tensor, y: torch.Tensor) -> float:
    target = target_of_device(x.device).name
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kernels.helion"
        # What mypy makes of attrs' conversion to a tuple accepts no tuple.
        request = BuildRequest(load("matmul").matmul, (x, y), config=CONFIG)  # type: ignore[arg-type]  # see above
        build_bundle(path, [request], targets=[target])
        op: Any = helion_runtime.load(path).matmul
        torch.testing.assert_close(op(x, y), x @ y, rtol=2e-2, atol=2e-1)
        return microseconds(lambda: op(x, y))


def main(arguments: list[str]) -> None:
    """Print the times, and write them where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args(arguments)
    report = {"machine": describe(), "microseconds": times()}
    print(json.dumps(report["microseconds"], indent=1))
    if given.output is not None:
        given.output.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])
