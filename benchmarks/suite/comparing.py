"""Whether a result is right: no element further from torch, in higher precision, than its dtype explains."""

from __future__ import annotations

from typing import Any

import attrs
import torch

from benchmarks.suite.case import tensors

# Of an element's size, and of the typical size: sums cancel, and leave small results with the errors of large terms.
TOLERANCE = {
    torch.float32: 1e-3,
    torch.bfloat16: 2e-2,
    torch.float16: 4e-3,
    torch.float8_e4m3fn: 1.5e-1,
}


@attrs.frozen
class Comparison:
    """``error`` is the norm of the difference over the norm of what is expected; ``wrong`` says what is not right."""

    error: float
    wrong: str = ""


def compare(results: Any, expected: Any) -> Comparison:
    """The tensors of ``results`` with those of ``expected``; a kernel may return more than torch does."""
    found, wanted = list(tensors(results)), list(tensors(expected))
    if not wanted or len(found) < len(wanted):
        return Comparison(float("inf"), f"{len(found)} tensors instead of {len(wanted)}")
    comparisons = [
        _compare(f"tensor {number}", *pair)
        for number, pair in enumerate(zip(found, wanted, strict=False))
    ]
    wrong = [one for one in comparisons if one.wrong]
    return wrong[0] if wrong else max(comparisons, key=lambda one: one.error)


def _compare(name: str, actual: torch.Tensor, expected: torch.Tensor) -> Comparison:
    if actual.shape != expected.shape:
        shapes = f"shape {tuple(actual.shape)} instead of {tuple(expected.shape)}"
        return Comparison(float("inf"), f"{name}: {shapes}")
    if not actual.dtype.is_floating_point:
        wrong = int((actual != expected).sum())
        return Comparison(float(wrong > 0), _report(name, wrong, actual.numel()))
    if actual.numel() == 0:
        return Comparison(0.0)
    tolerance = TOLERANCE[actual.dtype]
    wanted = expected.float()
    off = (actual.float() - wanted).abs_().nan_to_num_(nan=float("inf"))
    size = wanted.norm()
    error = off.norm() / size if size > 0 else off.norm()
    typical = size / wanted.numel() ** 0.5
    if wanted.ndim:  # rows may differ in size
        typical = typical.maximum(wanted.norm(dim=-1, keepdim=True) / wanted.size(-1) ** 0.5)
    wrong = int((off > tolerance * (wanted.abs() + typical)).sum())
    return Comparison(float(error), _report(name, wrong, actual.numel()))


def _report(name: str, wrong: int, number: int) -> str:
    return f"{name}: {wrong} of {number} elements are too far from torch" if wrong else ""
