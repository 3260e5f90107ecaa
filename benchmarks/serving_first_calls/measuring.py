"""The ways, each in fresh interpreters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import torch

from benchmarks.serving_first_calls.calls import of_a_bundle, of_sources
from benchmarks.serving_first_calls.figures import Report, Times, medians
from benchmarks.serving_first_calls.peer import PeerKit
from benchmarks.serving_first_calls.triton_sources import written
from benchmarks.suite.peer_process import ROOT
from helion_compiler.building import target_of_device
from helion_compiler.bundling import build_bundle
from helion_compiler.bundling.build_file import read_build_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from helion_compiler.bundling.build_file import BuildFile

TRITON_PROGRAM = "benchmarks.serving_first_calls.triton_program"
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
print(json.dumps({"load": loaded - began, "warm": warmed - loaded, "calls": calls}))
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
print(json.dumps({"load": loaded - began, "warm": 0.0, "calls": calls}))
"""


def measure(kernels: Path, processes: int, folder: Path, peer: Path | None = None) -> Report:
    """The steps of each way; ``peer`` is where PyTorch's Helion lies."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    file = read_build_file(kernels)
    ops = tuple(request.op for request in file.requests)
    ways = _from_a_bundle(file, device, processes, folder)
    if device == "cuda":
        ways |= _compiled(kernels, device, processes, folder)
        ways |= _by_triton(file, device, processes, folder)
    if peer is None:
        return Report(ops, {way: medians(times) for way, times in ways.items()})
    kit = PeerKit(peer, device, folder)
    found = kit.find(of_sources(file.requests))
    if found.runs:
        ways["PyTorch's Helion, empty cache"] = [kit.time(found, len(ops))]
        ways["PyTorch's Helion, full cache"] = [kit.time(found, len(ops)) for _ in range(processes)]
    figures = {way: medians(times, found.numbers) for way, times in ways.items()}
    return Report(ops, figures, found.configs, found.refused)


def _from_a_bundle(
    file: BuildFile, device: str, processes: int, folder: Path
) -> dict[str, list[Times]]:
    targets = file.targets or ("sm_90",)
    if device == "cuda":
        targets = (target_of_device(torch.device(device)).name,)
    bundle = folder / "kernels.helion"
    build_bundle(bundle, file.requests, targets=targets)
    calls = folder / "calls.json"
    calls.write_text(json.dumps(of_a_bundle(file.requests, bundle)))
    arguments = [str(bundle), device, str(calls)]
    _run(SERVED, [*arguments, "lazy"], folder)  # leaves the bytecode, as an installation does
    return {
        "bundle": _times(SERVED, [*arguments, "lazy"], processes, folder),
        "bundle, warmed": _times(SERVED, [*arguments, "warm"], processes, folder),
    }


def _compiled(kernels: Path, device: str, processes: int, folder: Path) -> dict[str, list[Times]]:
    arguments = [str(kernels), device]
    _run(IMPORTED, arguments, folder)
    return {
        "JIT, empty cache": _times(COMPILED, arguments, 1, folder),
        "JIT, full cache": _times(COMPILED, arguments, processes, folder),
    }


def _by_triton(
    file: BuildFile, device: str, processes: int, folder: Path
) -> dict[str, list[Times]]:
    target = target_of_device(torch.device(device))
    path = folder / "sources.json"
    path.write_text(json.dumps(written(file.requests, target, device, folder / "sources")))
    torch.cuda.empty_cache()  # what the calls took that it was learnt from
    caches = folder / "triton's own"
    return {
        "Triton's JIT, empty cache": [launched_by_triton(path, device, caches)],
        "Triton's JIT, full cache": [
            launched_by_triton(path, device, caches) for _ in range(processes)
        ],
    }


def launched_by_triton(kernels: Path, device: str, caches: Path) -> Times:
    """The times of a fresh process that launches what :func:`written` wrote."""
    environment = _environment(caches)
    paths = [str(ROOT), *environment.get("PYTHONPATH", "").split(os.pathsep)]
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    command = [sys.executable, "-m", TRITON_PROGRAM, str(kernels), device]
    return Times.of(json.loads(_output(command, environment).splitlines()[-1]))


def _times(program: str, arguments: Sequence[str], processes: int, folder: Path) -> list[Times]:
    outputs = [_run(program, arguments, folder) for _ in range(processes)]
    return [Times.of(json.loads(output.splitlines()[-1])) for output in outputs]


def _run(program: str, arguments: Sequence[str], folder: Path) -> str:
    """What a fresh interpreter prints, which keeps its bytecode and what Triton compiles in ``folder``."""
    return _output([sys.executable, "-c", BEGIN + program, *arguments], _environment(folder))


def _environment(folder: Path) -> dict[str, str]:
    environment = {
        **os.environ,
        "TRITON_CACHE_DIR": str(folder / "triton"),
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment


def _output(command: Sequence[str], environment: dict[str, str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    return done.stdout
