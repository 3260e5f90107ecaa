"""Matrix products."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from helion_compiler.tracing.meanings.registry import meaning, need_device
from helion_compiler.tracing.operators.products import dot as record_dot

if TYPE_CHECKING:
    from helion_compiler.tracing.state import Trace


@meaning
def dot(
    trace: Trace,
    a: torch.Tensor,
    b: torch.Tensor,
    acc: torch.Tensor | None = None,
    out_dtype: torch.dtype | None = None,
) -> torch.Tensor:
    """A matrix product in the accumulator's dtype, ``out_dtype``, or float32 (int32 for integers)."""
    need_device(trace, "dot")
    if a.dtype != b.dtype:
        a, b = _widened(a), _widened(b)
    promoted = torch.promote_types(a.dtype, b.dtype)
    default = (
        promoted
        if promoted is torch.float64
        else torch.float32
        if promoted.is_floating_point
        else torch.int32
    )
    dtype = out_dtype or (acc.dtype if acc is not None else default)
    if acc is not None and acc.dtype != dtype:
        acc = acc.to(dtype)
    return record_dot(trace, a, b, acc, dtype)


def _widened(operand: torch.Tensor) -> torch.Tensor:
    """An operand beside one of another dtype: floats of 8 bits are exact in float16, and promote with nothing."""
    small = operand.is_floating_point() and operand.dtype.itemsize == 1
    return operand.to(torch.float16) if small else operand
