"""Run by itself: kernels from Triton sources by Triton's own JIT, each launched once.

python -m benchmarks.serving_first_calls.triton_program KERNELS.json DEVICE

Prints the seconds of importing Triton and the sources, and of each kernel's first launches, as JSON.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from benchmarks.serving_first_calls.arguments import made, wait

if TYPE_CHECKING:
    from collections.abc import Callable


def main(path: str, device: str) -> None:
    """Time everything, then print."""
    kernels = json.loads(Path(path).read_text(encoding="utf-8"))
    torch.zeros(1, device=device)
    wait(device)
    began = time.perf_counter()
    functions = [_function(kernel) for kernel in kernels]
    loaded = time.perf_counter()
    calls = []
    for kernel, function in zip(kernels, functions, strict=True):
        calls.append(_seconds(kernel, function, device))
    print(json.dumps({"load": loaded - began, "warm": 0.0, "calls": calls}))


def _function(kernel: dict[str, Any]) -> Any:
    path = Path(kernel["file"])
    spec = importlib.util.spec_from_file_location(f"kernel_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, kernel["name"])


def _seconds(kernel: dict[str, Any], function: Any, device: str) -> float:
    prepared: list[Callable[[], object]] = []
    for launch in kernel["launches"]:
        args = [_argument(item, device) for item in launch["args"]]
        prepared.append(_launch(function, launch["grid"], args, kernel["options"]))
    wait(device)
    before = time.perf_counter()
    for run in prepared:
        run()
    wait(device)
    return time.perf_counter() - before


def _launch(
    function: Any, grid: list[int], args: list[Any], options: dict[str, Any]
) -> Callable[[], object]:
    return lambda: function[tuple(grid)](*args, **options)


def _argument(item: dict[str, Any], device: str) -> Any:
    if "block" not in item:
        return made(item, device)
    from triton.tools.tensor_descriptor import TensorDescriptor

    tensor = made(item["tensor"], device)
    return TensorDescriptor(tensor, item["shape"], item["strides"], item["block"])


if __name__ == "__main__":
    main(*sys.argv[1:])
