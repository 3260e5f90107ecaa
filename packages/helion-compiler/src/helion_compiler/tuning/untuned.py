"""What runs untuned, and what candidates are compared with: found out, where a guess does not do.

The model's first choice is a guess until its binary is there: the next one is taken where that needs more shared memory
than the GPU has. The kernel's own Python is the oracle of a search, unless it takes too long or too much memory, or has
parts that mean nothing uncompiled; then the untuned config is. Both are told on standard error.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import torch

from helion import exc
from helion_compiler.building import target_of_device
from helion_compiler.model import limits_of
from helion_compiler.tracing.arguments import device_of
from helion_compiler.tuning.oracle import Oracle, inexactness_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion import Config
    from helion_compiler.specialized_kernel import SpecializedKernel


def untuned_config(kernel: SpecializedKernel, leaves: Sequence[Any]) -> Config:
    """The first config of the model's that the GPU of these leaves can launch; the default, where none is known to."""
    target = target_of_device(device_of(leaves))
    limits = limits_of(target.architecture)
    default = kernel.space.default_config()
    if limits is None:
        return default
    for config in (default, *map(kernel.space.config, kernel.space.starts)):
        taken = kernel.build(config, target).image.entry.shared
        if taken <= limits.shared_memory:
            return config
        _tell(
            f"{kernel.definition.name}: {config!r} needs {taken} bytes of shared memory, "
            f"{target.name} has {limits.shared_memory}; the next choice of the model is tried"
        )
    return default


def find_oracle(kernel: SpecializedKernel, leaves: Sequence[Any], seconds: float) -> Oracle:
    """The kernel's own Python, or the untuned config where that takes more than ``seconds`` or cannot be run."""
    definition = kernel.definition
    args = kernel.arguments(leaves)
    try:
        return Oracle.by_reference(
            definition.function,
            args,
            definition.settings,
            inexact=inexactness_of(kernel.program, definition.settings),
            draws=kernel.program.host_draws,
            seconds=seconds,
        )
    except exc.ReferenceTimeout:
        problem, advice = (
            f"takes more than {seconds:g} s on these arguments",
            "on smaller arguments",
        )
    except torch.OutOfMemoryError:
        problem, advice = "takes more memory than there is", "on smaller arguments"
    except exc.NotInReferenceMode as error:
        problem, advice = (
            f"is not all of it, since {error.diagnostic.message}",
            "against a result that you trust",
        )
    config = untuned_config(kernel, leaves)
    _tell(
        f"{definition.name}: its own Python {problem}; results are compared with those of {config!r}. "
        f"Check that one {advice}"
    )
    return Oracle.by_config(kernel, config, args)


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
