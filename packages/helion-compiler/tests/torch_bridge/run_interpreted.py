"""Runs the kernels of a folder in Triton's interpreter; started with TRITON_INTERPRET=1.

Usage: run_interpreted.py FOLDER BLOCK. Reads `kernels.py` and `requests.pt`, writes `results.pt`:
kernel name -> stored tensor, or why there is none. The interpreter has no libdevice: torch's functions stand in for it.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
import triton.language as tl
from triton.runtime.errors import InterpreterError
from triton.runtime.interpreter import TensorHandle

# libdevice's name -> torch's, where they differ
RENAMED = {"nearbyint": "round", "mul_rn": "mul"}


class TorchLibdevice:
    """libdevice's functions on the interpreter's values, computed by torch in the same type."""

    def __getattr__(self, name: str) -> Any:
        function = getattr(torch, RENAMED.get(name, name), None) or getattr(torch.special, name)

        def call(*values: tl.tensor) -> tl.tensor:
            arrays = np.broadcast_arrays(*(value.handle.data for value in values))
            element = values[0].dtype
            result = function(*(torch.from_numpy(array.copy()) for array in arrays))
            array = result.numpy().astype(arrays[0].dtype)
            kind = tl.block_type(element, list(array.shape)) if array.shape else element
            return tl.tensor(TensorHandle(array, element), kind)

        return call


def main(folder: Path, block: int) -> None:
    specification = importlib.util.spec_from_file_location("kernels", folder / "kernels.py")
    assert specification is not None
    assert specification.loader is not None
    kernels = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(kernels)
    kernels.libdevice = TorchLibdevice()  # type: ignore[attr-defined] # a global of the kernels
    results: dict[str, torch.Tensor | str] = {}
    for name, (operands, dtype) in torch.load(folder / "requests.pt").items():
        out = torch.empty(block, dtype=dtype)
        # The interpreter takes no bool as an argument.
        values = [int(value) if isinstance(value, bool) else value for value in operands]
        try:
            getattr(kernels, name)[(1,)](*values, out, BLOCK=block)
        except InterpreterError as error:  # the case's own test reports it
            results[name] = f"{type(error).__name__}: {error}"
        else:
            results[name] = out
    torch.save(results, folder / "results.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
