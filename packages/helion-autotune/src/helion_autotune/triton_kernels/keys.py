"""What a choice of config depends on, and how a stored choice is found again.

A key in memory is the values of the key arguments, the dtypes of the tensors and the GPU's index. A key in the
records also names the kernel, its source, the GPU's model and Triton's version, so that a changed kernel or
another machine tunes anew. Where there is no GPU, a result for any GPU is good enough: nothing is timed there.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from typing import TYPE_CHECKING, Any

import attrs

from helion_autotune.triton_kernels.oracle import tensors_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from helion_autotune.point import Point
    from helion_autotune.records import Records
    from helion_autotune.space import Space


@attrs.frozen
class ArgumentKey:
    """The key of one launch; ``device`` is the index of the GPU, None without one."""

    values: tuple[tuple[str, Hashable], ...]
    dtypes: tuple[tuple[str, str], ...]
    device: int | None

    def text(self, kernel: Any) -> str:
        """The key in the records."""
        return json.dumps(self._described(kernel, self._device_name()), sort_keys=True)

    def matches(self, kernel: Any, text: str) -> bool:
        """Whether a key in the records is this one, on whatever GPU and version of Triton."""
        try:
            stored = json.loads(text)
        except ValueError:
            return False
        if not isinstance(stored, dict):
            return False
        mine = json.loads(json.dumps(self._described(kernel, None)))
        return all(
            stored.get(name) == mine[name] for name in mine if name not in ("device", "triton")
        )

    def _described(self, kernel: Any, device: str | None) -> dict[str, Any]:
        import triton

        function = innermost(kernel).fn
        source = hashlib.sha256(inspect.getsource(function).encode()).hexdigest()[:16]
        return {
            "kernel": f"{function.__module__}.{function.__qualname__}",
            "source": source,
            "values": [[name, repr(value)] for name, value in self.values],
            "dtypes": [[name, dtype] for name, dtype in self.dtypes],
            "device": device,
            "triton": triton.__version__,
        }

    def _device_name(self) -> str | None:
        if self.device is None:
            return None
        import torch

        return torch.cuda.get_device_name(self.device)


def argument_key(kernel: Any, names: Sequence[str], named: Mapping[str, Any]) -> ArgumentKey:
    """The key of a launch with these arguments; raises ValueError when one named by the key is missing."""
    missing = [name for name in names if name not in named]
    if missing:
        raise ValueError(f"the launch lacks {missing}, which the tuner's key names")
    tensors = tensors_of(named)
    values = tuple((name, _value(named[name])) for name in names)
    dtypes = tuple((name, str(tensor.dtype)) for name, tensor in tensors.items())
    indices = [tensor.device.index for tensor in tensors.values() if tensor.device.type == "cuda"]
    return ArgumentKey(values, dtypes, indices[0] if indices and not interpreted(kernel) else None)


def stored_point(records: Records, space: Space, kernel: Any, key: ArgumentKey) -> Point | None:
    """The stored choice for this key, as long as the space still has it."""
    result = records.result(space.fingerprint, key.text(kernel))
    if result is None and key.device is None:
        matching = [
            line.result
            for line in records.results()
            if line.fingerprint == space.fingerprint and key.matches(kernel, line.key)
        ]
        result = matching[-1] if matching else None
    if result is None or space.check(result.point):
        return None
    return result.point


def innermost(kernel: Any) -> Any:
    """The ``@triton.jit`` object under decorators such as ``@triton.heuristics``."""
    while not inspect.isfunction(kernel.fn):
        kernel = kernel.fn
    return kernel


def interpreted(kernel: Any) -> bool:
    """Whether Triton's interpreter runs this kernel (TRITON_INTERPRET=1 when it was decorated)."""
    import triton

    return not isinstance(innermost(kernel), triton.JITFunction)


def _value(value: Any) -> Hashable:
    """A key argument as something hashable: a tensor counts by its shape."""
    shape = getattr(value, "shape", None)
    return tuple(shape) if shape is not None else value
