"""Fill what a kernel allocates with values that no kernel computes, so that an element it forgets
to write shows.
"""

from __future__ import annotations

import torch

from helion_runtime.entries import AllocateStep, VariantEntry
from helion_runtime.record import replace


def poison(variant: VariantEntry) -> VariantEntry:
    """The same variant with every uninitialised allocation filled: NaN, True, or near the largest integer."""
    steps = tuple(
        replace(step, fill=_fill(step.dtype))
        if isinstance(step, AllocateStep) and step.fill is None
        else step
        for step in variant.steps
    )
    return replace(variant, steps=steps)


def _fill(name: str) -> float | bool:
    dtype: torch.dtype = getattr(torch, name)
    if dtype.is_floating_point:
        return float("nan")
    return True if dtype is torch.bool else torch.iinfo(dtype).max - 42
