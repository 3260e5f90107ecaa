"""What a tuned result depends on, as data: the key under which results are stored, and stand in lock files.

Everything but ``device`` and the versions is known without a GPU, so that a build finds what was tuned elsewhere.
"""

from __future__ import annotations

import hashlib
import inspect
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import torch

from helion_compiler.program.expressions import next_power_of_two
from helion_compiler.torch_bridge.symbolic import marked_static

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion_compiler.specialized_kernel import SpecializedKernel

VERSIONS = ("helion", "triton")
"""The fields that say what a result was tuned with."""


def result_key(kernel: SpecializedKernel, leaves: Sequence[Any], device: str) -> dict[str, Any]:
    """The key of a specialization called with ``leaves``; ``device`` is the name that torch has for the GPU."""
    import triton  # only its version

    definition = kernel.definition
    source = inspect.getsource(definition.function)
    return {
        "kernel": hashlib.sha256(source.encode()).hexdigest()[:16],
        "arguments": [_describe(leaf, static=definition.settings.static_shapes) for leaf in leaves],
        "aligned": sorted(kernel.aligned),
        "device": device,
        "architecture": kernel.traits.architecture,
        "dot_precision": definition.settings.dot_precision,
        "fast_math": definition.settings.fast_math,
        "triton": triton.__version__,
        "helion": version("helion-compiler"),
    }


def _describe(leaf: Any, *, static: bool) -> Any:
    if isinstance(leaf, float):
        return "float"  # what is computed with takes as long whatever it is
    if not isinstance(leaf, torch.Tensor):
        return repr(leaf)
    # Dynamic sizes share results by the power of two above them.
    fixed = range(leaf.ndim) if static else marked_static(leaf)
    sizes = [
        size if dim in fixed else next_power_of_two(size) for dim, size in enumerate(leaf.shape)
    ]
    return [str(leaf.dtype), sizes, list(leaf.stride()) if static else leaf.ndim]
