"""Host time of a call, driver stubbed: what the runtime itself costs, in microseconds. Needs no GPU.

Two input tensors, one output allocated, six kernel parameters; then the same kernel between five operators and two
numbers read from tensors. cuLaunchKernelEx is replaced by a C function that does nothing, so that what calling it costs
is in the figures: by ctypes, and by the extension module where there is one. Allocation is torch's, on the CPU; it is
shown by itself to be subtracted.

Run: python packages/helion-runtime/benchmarks/host_time.py
"""

from __future__ import annotations

import ctypes
import timeit
from pathlib import Path
from typing import Any

import torch

from helion_runtime import load
from helion_runtime.native import find_native
from helion_runtime.recording_driver import RecordingDriver

REPEATS, CALLS = 15, 5_000


class StubDriver(RecordingDriver):
    """Its ``launch`` is libc's toascii, which has no effect: zero for the address of a config, a multiple of 128."""

    def __init__(self, kernels: Any, *, native: bool) -> None:
        super().__init__(kernels)
        self.launch = ctypes.CDLL(None).toascii
        self.current_stream = abs  # a C function, as torch's accessor is
        self.launch_address = ctypes.cast(self.launch, ctypes.c_void_p).value if native else None


def best(function: Any, *arguments: object) -> float:
    """The fastest repeat, in microseconds per call."""
    times = timeit.repeat(
        lambda: [function(*arguments) for _ in range(CALLS)], number=1, repeat=REPEATS
    )
    return min(times) / CALLS * 1e6


def around(x: torch.Tensor, y: torch.Tensor, scale: float) -> dict[str, object]:
    """What ``computing`` does besides launching."""
    halved = y * (scale * 0.5)
    rows = x.size(0) + x.sum().to(torch.int64).item()
    out = torch.zeros(int(rows), x.size(1))
    return {"out": out, "sums": out.sum(0), "mean": out.mean().item() * 2.0, "halved": halved}


def main() -> None:
    """Print the table."""
    path = Path(__file__).parents[1] / "tests" / "data" / "format_1_1.helion"
    kernels = load(path).manifest.kernels
    x, y = torch.zeros(64, 64), torch.zeros(64, 64)
    rows = []
    for way in ("ctypes", "extension module") if find_native() else ("ctypes",):
        bundle: Any = load(path, driver=StubDriver(kernels, native=way != "ctypes"))
        op, computing = bundle.scaled_add, bundle.computing
        prepared = op.prepare((x, y, 1.0))
        rows += [
            (f"whole call through the dispatcher, {way}", best(op, x, y, 1.0)),
            (f"of it: after the look-up, {way}", best(prepared.run, x, y, 1.0)),
            (f"the same with host code around it, {way}", best(computing, x, y, 1.0)),
        ]
    rows += [
        ("its operators and reads in Python", best(around, x, y, 1.0)),
        ("of the first: allocation", best(lambda: torch.empty_strided((64, 64), (64, 1)))),
        ("torch.empty_like", best(torch.empty_like, x)),
        ("torch.add of one element", best(torch.add, x[0, 0], y[0, 0])),
    ]
    for name, microseconds in rows:
        print(f"{name:54} {microseconds:6.2f}")


if __name__ == "__main__":
    main()
