"""Host microseconds of a call with three tensors, one of them allocated: ops of a bundle, torch, and Triton's JIT.

python -m benchmarks.host_time_of_calls [--peer DIR] [--output report.json]

Needs an NVIDIA GPU. The ways take turns, and each also stands as a multiple of eager ``x + y`` in the same turns. Ops
of a bundle launch by ctypes and, where ``helion_runtime`` has its extension module (``python
packages/helion-runtime/native/build.py`` makes it), by that. ``--peer`` adds the same kernel at the same config by
PyTorch's Helion, installed or unpacked in that directory: it runs in a process of its own, and beside eager ``x + y``
there. Also says how many milliseconds after loading the first call has returned.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import triton
import triton.language as tl

import helion
import helion_runtime
from benchmarks.suite.examples import load
from benchmarks.suite.machine import describe
from benchmarks.suite.peer_process import PeerProcess
from benchmarks.suite.situation import RefusedError
from benchmarks.turns import in_turns
from helion_compiler import BuildRequest, build_bundle
from helion_compiler.building import target_of_device
from helion_runtime.cuda_driver import CudaDriver
from helion_runtime.native import find_native

if TYPE_CHECKING:
    from collections.abc import Callable

    Ways = dict[str, Callable[[], object]]

SHAPE = (64, 64)
CONFIG = helion.Config(block_sizes=[16, 64], num_warps=4)


@triton.jit  # type: ignore[untyped-decorator]  # Triton's
def _add(x, y, out, n: tl.constexpr):  # type: ignore[no-untyped-def]  # Triton's language
    index = tl.program_id(0) * n + tl.arange(0, n)
    tl.store(out + index, tl.load(x + index) + tl.load(y + index))


def build(folder: Path, x: torch.Tensor) -> Path:
    """A bundle with ``add`` and ``matmul`` for tensors like ``x``."""
    path = folder / "kernels.helion"
    # What mypy makes of attrs' conversion to a tuple accepts no tuple.
    requests = [
        BuildRequest(load("add").add, (x, x), config=CONFIG),  # type: ignore[arg-type]  # see above
        BuildRequest(load("matmul").matmul, (x, x), config={"block_sizes": [64, 64, 64]}),  # type: ignore[arg-type]  # see above
    ]
    build_bundle(path, requests, targets=[target_of_device(x.device).name])
    return path


def first_call(path: Path, x: torch.Tensor, y: torch.Tensor) -> dict[str, float]:
    """Milliseconds of loading a bundle, and from there to the end of the first call of an op."""
    torch.cuda.synchronize()
    began = time.perf_counter()
    bundle = helion_runtime.load(path)
    loaded = time.perf_counter()
    bundle.add(x, y)
    called = time.perf_counter()
    torch.cuda.synchronize()
    return {
        "load": round((loaded - began) * 1e3, 2),
        "first call": round((called - loaded) * 1e3, 2),
    }


def ways_of(path: Path, x: torch.Tensor, y: torch.Tensor) -> Ways:
    """What is compared."""
    ways: Ways = {}
    for way, driver in drivers().items():
        bundle: Any = helion_runtime.load(path, driver=driver)
        torch.testing.assert_close(bundle.add(x, y), x + y)
        torch.testing.assert_close(bundle.matmul(x, y), x @ y, rtol=2e-2, atol=2e-1)
        ways[f"bundle: add, {way}"] = partial(bundle.add, x, y)
        ways[f"bundle: matmul, {way}"] = partial(bundle.matmul, x, y)
    kernel: Any = helion.kernel(load("add").add.fn, config=CONFIG)
    served: Any = helion.kernel(load("add").add.fn, bundle=str(path))
    for call in (kernel, served):
        torch.testing.assert_close(call(x, y), x + y)
    programs = (x.numel() // 1024,)
    return ways | {
        "the kernel add, compiled here": partial(kernel, x, y),
        "the kernel add, from a bundle": partial(served, x, y),
        "torch.mm": partial(torch.mm, x, y),
        "torch.add": partial(torch.add, x, y),
        "eager x + y": lambda: x + y,
        "Triton's JIT": lambda: _add[programs](x, y, torch.empty_like(x), 1024),
        "torch.empty_like": partial(torch.empty_like, x),
    }


def drivers() -> dict[str, CudaDriver]:
    """The ways to launch that there are here."""
    by_ctypes = CudaDriver()
    by_ctypes.launch_address = None
    return {"ctypes": by_ctypes} | ({"extension": CudaDriver()} if find_native() else {})


def by_the_peer(
    directory: Path, device: str = "cuda", program: str = "benchmarks.host_time_of_the_peer"
) -> dict[str, float]:
    """Microseconds of PyTorch's Helion and of eager torch in its process; empty, with its words, if it refuses."""
    process = PeerProcess(str(directory), program)
    request = {"device": device, "shape": SHAPE, "config": dict(CONFIG)}
    try:
        found: dict[str, float] = process.ask(request, patience=300)["microseconds"]
    except RefusedError as error:
        print(f"PyTorch's Helion does not run the kernel: {error}")
        return {}
    finally:
        process.close()
    return found


def lines(title: str, microseconds: dict[str, float]) -> list[str]:
    """A line for each way, beside eager ``x + y`` of the same turns."""
    eager = microseconds["eager x + y"]
    return [
        f"{title + name:<42}{each:8.2f} µs{each / eager:7.2f} of eager x + y"
        for name, each in microseconds.items()
    ]


def main() -> None:
    """Print the times, and write them where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", type=Path, metavar="DIR", help="where PyTorch's Helion lies")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args(sys.argv[1:])
    x, y = (torch.randn(SHAPE, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    with tempfile.TemporaryDirectory() as folder:
        path = build(Path(folder), x)
        first = first_call(path, x, y)
        found = in_turns(ways_of(path, x, y))
    peer = by_the_peer(options.peer) if options.peer is not None else {}
    print(*lines("", found), sep="\n")
    if peer:
        print(*lines("PyTorch's Helion: ", peer), sep="\n")
    for name, milliseconds in first.items():
        print(f"{name:<42}{milliseconds:8.2f} ms")
    if options.output is not None:
        report = {
            "machine": describe(),
            "microseconds": found,
            "peer_microseconds": peer,
            "milliseconds": first,
        }
        options.output.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
