"""Milliseconds until twenty kernels have run once: from a bundle, and compiled where they are called.

python -m benchmarks.serving_first_calls [--kernels FILE.toml] [--processes 5] [--output report.json]

Four ways, each in fresh interpreters that have imported torch and touched the GPU: a bundle that is loaded and called;
a bundle that is warmed first; Helion's own JIT with the configs of the build file, Triton's cache empty; and then
full. Times of calls are summed and wait for the GPU; making the arguments is not counted. Figures are medians, but for
the empty cache, which there is once. Without a GPU the bundle's calls go to a driver that launches nothing, and the JIT
is left out.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

import helion_runtime
from helion_compiler.building import target_of_device
from helion_compiler.bundling import build_bundle
from helion_compiler.bundling.build_file import read_build_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion_compiler import BuildRequest

KERNELS = Path(__file__).with_name("serving_kernels.toml")

BEGIN = """
import json, sys, time
import torch
clock, device = time.perf_counter, sys.argv[2]
def wait():
    if device == "cuda":
        torch.cuda.synchronize()
torch.zeros(1, device=device)
wait()
began = clock()
"""
SERVED = """
import helion_runtime
bundle = helion_runtime.load(sys.argv[1])
if device == "cpu":
    from helion_runtime.recording_driver import RecordingDriver
    bundle = helion_runtime.load(sys.argv[1], driver=RecordingDriver(bundle.manifest.kernels))
loaded = clock()
if sys.argv[4] == "warm":
    bundle.warm()
warmed = clock()
def made(item):
    if "value" in item:
        return item["value"]
    dtype = getattr(torch, item["dtype"])
    return torch.empty_strided(item["sizes"], item["strides"], dtype=dtype, device=device).zero_()
calls = []
for op, items in json.loads(open(sys.argv[3]).read()):
    args = [made(item) for item in items]
    wait()
    before = clock()
    bundle.ops[op](*args)
    wait()
    calls.append(clock() - before)
print(json.dumps({
    "import and load": loaded - began,
    "warm": warmed - loaded,
    "first of the first calls": calls[0],
    "all first calls": sum(calls),
    "in all": warmed - began + sum(calls),
}))
"""
IMPORTED = """
import helion_compiler.bundling, helion_compiler.emission, triton.compiler, triton.backends.nvidia.compiler
"""
COMPILED = """
from pathlib import Path
from helion_compiler.bundling.build_file import read_build_file
from helion_compiler.bundling.example_arguments import on_device
requests = read_build_file(Path(sys.argv[1])).requests
loaded = clock()
calls = []
for request in requests:
    args = on_device(request.kernel.fn, request.normalized_args(), torch.device(device))
    wait()
    before = clock()
    kernel = request.compiled(autotune_effort="none")
    bound = kernel.bind(args)
    bound.set_config(request.choose_config(bound.specialized).config)
    kernel(*args)
    wait()
    calls.append(clock() - before)
print(json.dumps({
    "import and load": loaded - began,
    "warm": 0.0,
    "first of the first calls": calls[0],
    "all first calls": sum(calls),
    "in all": loaded - began + sum(calls),
}))
"""


def described(requests: Sequence[BuildRequest], bundle: Path) -> list[Any]:
    """Each op with the arguments that it takes, as JSON values: constants of the kernel are not among them."""
    ops = helion_runtime.load(bundle).ops
    rows = []
    for request in requests:
        names = tuple(inspect.signature(request.kernel.fn).parameters)
        values = dict(zip(names, request.normalized_args(), strict=False))
        rows.append((request.op, [_described(values[name]) for name in ops[request.op].arguments]))
    return rows


def _described(value: Any) -> dict[str, Any]:
    if not isinstance(value, torch.Tensor):
        return {"value": value}
    dtype = str(value.dtype).removeprefix("torch.")
    return {"dtype": dtype, "sizes": list(value.shape), "strides": list(value.stride())}


def _run(program: str, arguments: Sequence[str], folder: Path) -> str:
    """What a fresh interpreter prints, which keeps its bytecode and what Triton compiles in ``folder``."""
    environment = {
        **os.environ,
        "TRITON_CACHE_DIR": str(folder / "triton"),
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-c", BEGIN + program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    return done.stdout


def milliseconds(
    program: str, arguments: Sequence[str], processes: int, folder: Path
) -> dict[str, float]:
    """The median of each step over fresh interpreters."""
    outputs = [_run(program, arguments, folder) for _ in range(processes)]
    found = [json.loads(output.splitlines()[-1]) for output in outputs]
    return {
        step: round(statistics.median(each[step] for each in found) * 1e3, 2) for step in found[0]
    }


def measure(kernels: Path, processes: int, folder: Path) -> dict[str, dict[str, float]]:
    """The steps of each way."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    file = read_build_file(kernels)
    targets = file.targets or ("sm_90",)
    if device == "cuda":
        targets = (target_of_device(torch.device(device)).name,)
    bundle = folder / "kernels.helion"
    build_bundle(bundle, file.requests, targets=targets)
    calls = folder / "calls.json"
    calls.write_text(json.dumps(described(file.requests, bundle)))
    arguments = [str(bundle), device, str(calls)]
    _run(SERVED, [*arguments, "lazy"], folder)  # leaves the bytecode, as an installation does
    ways = {
        "bundle": milliseconds(SERVED, [*arguments, "lazy"], processes, folder),
        "bundle, warmed": milliseconds(SERVED, [*arguments, "warm"], processes, folder),
    }
    if device == "cuda":
        compiled = [str(kernels), device]
        _run(IMPORTED, compiled, folder)
        ways["JIT, empty cache"] = milliseconds(COMPILED, compiled, 1, folder)
        ways["JIT, full cache"] = milliseconds(COMPILED, compiled, processes, folder)
    return ways


def main() -> None:
    """Print the table, and write it where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kernels", type=Path, default=KERNELS, help="a build file")
    parser.add_argument("--processes", type=int, default=5)
    parser.add_argument("--output", type=Path, help="where to write the figures as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(options.kernels.resolve(), options.processes, Path(folder))
    steps = list(found["bundle"])
    print(f"{'ms':<20}" + "".join(f"{step:>28}" for step in steps))
    for way, figures in found.items():
        print(f"{way:<20}" + "".join(f"{figures[step]:>28.2f}" for step in steps))
    if options.output is not None:
        options.output.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
