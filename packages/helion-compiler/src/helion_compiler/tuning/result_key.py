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
from helion_compiler.tracing.arguments import Constant, Function
from helion_compiler.tracing.captures import is_constant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion_compiler.specialized_kernel import SpecializedKernel
    from helion_compiler.tracing.arguments import Call

VERSIONS = ("helion", "triton")
"""The fields that say what a result was tuned with."""


def result_key(kernel: SpecializedKernel, leaves: Sequence[Any], device: str) -> dict[str, Any]:
    """The key of a specialization called with ``leaves``; ``device`` is the name that torch has for the GPU."""
    import triton  # only its version

    definition = kernel.definition
    constants = _constants(kernel.call)
    return {
        "kernel": _source(definition.function),
        "arguments": [_describe(leaf, static=definition.settings.static_shapes) for leaf in leaves],
        **({"constants": constants} if constants else {}),
        "aligned": sorted(kernel.aligned),
        "device": device,
        "architecture": kernel.traits.architecture,
        "dot_precision": definition.settings.dot_precision,
        "fast_math": definition.settings.fast_math,
        "triton": triton.__version__,
        "helion": version("helion-compiler"),
    }


def _source(function: Any) -> str:
    return hashlib.sha256(inspect.getsource(function).encode()).hexdigest()[:16]


def _constants(call: Call) -> dict[str, str]:
    """What the program was made for beside its arguments: parameters that are constants, and functions, by source."""
    found = {}
    for name, template in zip(call.parameters, call.templates, strict=True):
        if isinstance(template, Constant) and is_constant(template.value):
            found[name] = repr(template.value)
        elif isinstance(template, Function):
            found[name] = _source(template.original)
    return found


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
