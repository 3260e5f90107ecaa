"""Measure on a GPU what the project promises, beside torch in the same run: medians of ``do_bench``.

    python benchmarks/gpu.py [section ...] [--output report.json]

Sections: matmul (fixed configs), tune (from nothing), memory (softmax and add against copy bandwidth), host
(host time of a call).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import triton
import triton.language as tl
from triton.testing import do_bench

import helion

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
PERSISTENT = "persistent_interleaved"
WIDE = {"block_sizes": [128, 256, 64], "num_warps": 8, "l2_groupings": [8]}
ROLLING = {"pid_type": PERSISTENT, "range_flattens": [True, None]}
DESCRIPTORS = "tensor_descriptor"
MATMUL_CONFIGS = [
    helion.Config(**WIDE, num_stages=3),
    helion.Config(**WIDE, num_stages=4),
    helion.Config(**WIDE, num_stages=3, indexing=DESCRIPTORS),
    helion.Config(**WIDE, num_stages=4, indexing=DESCRIPTORS),
    helion.Config(**WIDE, **ROLLING, num_stages=4, indexing=[DESCRIPTORS, DESCRIPTORS, "pointer"]),
    helion.Config(**WIDE, **ROLLING, num_stages=3, indexing=DESCRIPTORS),
    helion.Config(
        block_sizes=[128, 128, 64],
        num_warps=4,
        num_stages=4,
        l2_groupings=[8],
        indexing=DESCRIPTORS,
    ),
    helion.Config(block_sizes=[128, 128, 64], num_warps=8, num_stages=4, l2_groupings=[16]),
]


def example(name: str) -> Any:
    """A module of ``examples/``."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    if str(EXAMPLES) not in sys.path:
        sys.path.append(str(EXAMPLES))  # they import what they share
    spec.loader.exec_module(module)
    return module


def bench(fn: Callable[[], object]) -> float:
    """Median milliseconds."""
    return float(do_bench(fn, warmup=25, rep=150, return_mode="median"))


def beside(fn: Callable[[], object], other: Callable[[], object]) -> tuple[float, float]:
    """Median milliseconds of two, measured in turns: a GPU that warms up slows both."""
    turns = [(bench(fn), bench(other)) for _ in range(3)]
    first, second = zip(*turns, strict=True)
    return statistics.median(first), statistics.median(second)


def matmul_section() -> dict[str, Any]:
    """4096³ in bfloat16, one row per fixed config."""
    kernel = example("matmul").matmul
    x, y = (torch.randn(4096, 4096, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    expected = x.double() @ y.double()
    bound = kernel.bind((x, y))
    rows = []
    for config in MATMUL_CONFIGS:
        row: dict[str, Any] = {"config": repr(config)}
        try:
            run = bound.compile_config(config)
            error = (run(x, y).double() - expected).norm() / expected.norm()
            row["relative_error"] = float(error)
            row["ms"], row["torch_ms"] = beside(
                lambda: run(x, y),  # noqa: B023  # called at once
                lambda: torch.matmul(x, y),
            )
            row["of_torch"] = row["torch_ms"] / row["ms"]
            row["tflops"] = 2 * 4096**3 / row["ms"] / 1e9
        except helion.exc.HelionError as problem:
            row["problem"] = str(problem)
        rows.append(row)
        print(
            {key: value for key, value in row.items() if key != "problem"},
            row.get("problem", "")[:600],
            flush=True,
        )
    return {"rows": rows}


def tune_section(seconds: float | None = None) -> dict[str, Any]:
    """4096³ in bfloat16, tuned from nothing, in an empty cache."""
    with tempfile.TemporaryDirectory() as cache:
        settings: dict[str, Any] = {"autotune_cache": cache}
        if seconds is not None:
            settings["autotune_budget_seconds"] = seconds
        kernel = helion.kernel(example("matmul").matmul.fn, **settings)
        x, y = (torch.randn(4096, 4096, device="cuda", dtype=torch.bfloat16) for _ in range(2))
        start = time.perf_counter()
        kernel(x, y)
        torch.cuda.synchronize()
        elapsed = time.perf_counter() - start
        ms, torch_ms = beside(lambda: kernel(x, y), lambda: torch.matmul(x, y))
        again = helion.kernel(example("matmul").matmul.fn, **settings)
        start = time.perf_counter()
        again(x, y)
        torch.cuda.synchronize()
        found = time.perf_counter() - start
    report = {
        "seconds": elapsed,
        "ms": ms,
        "torch_ms": torch_ms,
        "of_torch": torch_ms / ms,
        "seconds_with_stored_result": found,
    }
    print(report, flush=True)
    return report


def memory_section() -> dict[str, Any]:
    """softmax and add at 8192² in bfloat16, tuned briefly, as a share of the copy bandwidth of this run."""
    x, y = (torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    out = torch.empty_like(x)
    report: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as cache:
        for name, args, tensors in (("softmax", (x,), 2), ("add", (x, y), 3)):
            fn = getattr(example(name), name).fn
            default = helion.kernel(fn, autotune_effort="none")
            tuned = helion.kernel(fn, autotune_cache=cache, autotune_budget_seconds=15)
            tuned(*args)
            for label, kernel in (("default", default), ("tuned", tuned)):
                ms, copy_ms = beside(lambda: kernel(*args), lambda: out.copy_(x))  # noqa: B023  # called at once
                rate, copied = tensors * x.nbytes / ms / 1e6, 2 * x.nbytes / copy_ms / 1e6
                report[f"{name} {label}"] = {
                    "gb_per_s": rate,
                    "copy_gb_per_s": copied,
                    "of_copy": rate / copied,
                }
    print(json.dumps(report, indent=1), flush=True)
    return report


@triton.jit
def _bare_add(x, y, out, n: tl.constexpr):
    index = tl.arange(0, n)
    tl.store(out + index, tl.load(x + index) + tl.load(y + index))


def host_time(fn: Callable[[], object], calls: int = 2000, rounds: int = 15) -> float:
    """Median host microseconds of one call; the GPU keeps up because the work is tiny."""
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


def host_section() -> dict[str, Any]:
    """Host time of small calls with three tensors, one of them allocated."""
    x, y = (torch.randn(64, 64, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    kernel = helion.kernel(
        example("matmul").matmul.fn, config=helion.Config(block_sizes=[64, 64, 64], num_warps=4)
    )
    torch.testing.assert_close(kernel(x, y), x @ y, rtol=2e-2, atol=2e-1)
    v, w = (torch.randn(1024, device="cuda") for _ in range(2))

    def bare() -> None:
        _bare_add[(1,)](v, w, torch.empty_like(v), 1024)

    report = {
        "JIT mode": host_time(lambda: kernel(x, y)),
        "torch.mm": host_time(lambda: torch.mm(x, y)),
        "bare Triton": host_time(bare),
        "eager x + y": host_time(lambda: x + y),
        "empty": host_time(lambda: torch.empty((64, 64), dtype=torch.bfloat16, device="cuda")),
    }
    report |= _bundle_host_time(x, y)
    report = {name: round(value, 2) for name, value in report.items()}
    print(report, flush=True)
    return report


def _bundle_host_time(x: torch.Tensor, y: torch.Tensor) -> dict[str, float]:
    import helion_runtime  # measured last
    from helion_compiler import BuildRequest, build_bundle  # as above

    kernel = example("matmul").matmul
    config = helion.Config(block_sizes=[64, 64, 64], num_warps=4)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kernels.helion"
        build_bundle(path, [BuildRequest(kernel, (x, y), config=config)], targets=["sm_90"])
        op = helion_runtime.load(path).matmul
        torch.testing.assert_close(op(x, y), x @ y, rtol=2e-2, atol=2e-1)
        return {"bundle": host_time(lambda: op(x, y))}


SECTIONS: dict[str, Callable[[], dict[str, Any]]] = {
    "matmul": matmul_section,
    "tune": tune_section,
    "memory": memory_section,
    "host": host_section,
}


def main() -> None:
    """Run the sections asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", choices=[[], *SECTIONS], default=[])
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    report: dict[str, Any] = {
        "device": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "triton": triton.__version__,
    }
    for name in arguments.sections or SECTIONS:
        print(f"== {name}", flush=True)
        try:
            report[name] = SECTIONS[name]()
        except Exception:  # noqa: BLE001  # one broken section must not cost the others their device time
            report[name] = {"failed": traceback.format_exc()}
            print(report[name]["failed"], flush=True)
    if arguments.output is not None:
        arguments.output.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
