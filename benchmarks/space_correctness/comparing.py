"""Compare a kernel's results with reference mode: how far its case may be from torch is how far a config may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from gallery.case import TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

WORST = 30.0
"""How many times further than the whole a single element may be, relative to the typical one."""
ROUNDING = 3e-7
"""What may be left of values of size 1 that cancel in float32, as in a softmax of one element: a few of its steps."""


def differences(
    outputs: Any,
    arguments: tuple[Any, ...],
    expected: Any,
    mutated: Mapping[int, Any],
    slack: float,
) -> Iterator[str]:
    """What is wrong with the outputs, and with the arguments that the kernel writes."""
    pairs = [("the result", outputs, expected)]
    pairs += [(f"argument {place}", arguments[place], wanted) for place, wanted in mutated.items()]
    for name, found, wanted in pairs:
        actual, right = list(tensors(found)), list(tensors(wanted))
        if len(actual) != len(right):
            yield f"{name} has {len(actual)} tensors instead of {len(right)}"
            continue
        for number, pair in enumerate(zip(actual, right, strict=True)):
            if problem := _difference(*pair, slack):
                yield f"tensor {number} of {name}: {problem}"


def tensors(value: Any) -> Iterator[torch.Tensor]:
    """The tensors of a result, and its numbers as tensors, in order."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (bool, int, float)):
        yield torch.tensor(value)
    elif isinstance(value, (list, tuple)):
        for entry in value:
            yield from tensors(entry)


def _difference(actual: torch.Tensor, expected: torch.Tensor, slack: float) -> str:
    if actual.shape != expected.shape:
        return f"shape {tuple(actual.shape)} instead of {tuple(expected.shape)}"
    if not actual.dtype.is_floating_point:
        wrong = int((actual != expected.to(actual.device, actual.dtype)).sum())
        return f"{wrong} of {actual.numel()} elements differ" if wrong else ""
    if actual.numel() == 0:
        return ""
    allowed = TOLERANCE[actual.dtype] * slack
    wanted = expected.to(actual.device).double()
    difference = actual.double() - wanted
    typical, error = (float(one.norm()) / wanted.numel() ** 0.5 for one in (wanted, difference))
    if not error <= max(allowed * typical, ROUNDING):  # a NaN is no smaller than anything
        return f"elements are off by {error:.2e}, of a size of {typical:.2e}; allowed is {allowed:.0e} of it"
    off = difference.abs() - WORST * (allowed * (wanted.abs() + typical) + ROUNDING)
    far = int((off > 0).sum())
    return f"{far} of {actual.numel()} elements are far off" if far else ""
