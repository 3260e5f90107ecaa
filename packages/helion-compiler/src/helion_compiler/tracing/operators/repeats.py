"""Operators that make tiles larger: repetition and padding, along dimensions whose sizes are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion_compiler.tracing.iota import iota
from helion_compiler.tracing.operators.lanes import along, known_size, pick
from helion_compiler.tracing.rules import rule_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion_compiler.tracing.state import Trace


@rule_for("repeat")
def repeat(
    trace: Trace, _operator: Any, operand: torch.Tensor, repeats: Sequence[int]
) -> torch.Tensor:
    """Copies side by side, as many along each dimension as ``repeats`` says."""
    with trace.listening():
        result = operand.clone()
        while result.ndim < len(repeats):
            result = result.unsqueeze(0)
        for dim, copies in enumerate(map(trace.symbols.expression, repeats)):
            if copies == 1:
                continue
            size = known_size(trace, result, dim, "repeat")
            index = torch.remainder(iota(trace, size * copies), trace.symbols.value(size))
            result = pick(trace, result, along(index, result.ndim, dim), dim)
        return result


@rule_for("constant_pad_nd")
def constant_pad_nd(
    trace: Trace, _operator: Any, operand: torch.Tensor, pad: Sequence[int], value: float = 0
) -> torch.Tensor:
    """``value`` before and after each of the last dimensions; negative numbers cut off."""
    with trace.listening():
        result = operand.clone()
        for number in range(len(pad) // 2):
            dim, before, after = operand.ndim - 1 - number, pad[2 * number], pad[2 * number + 1]
            if before == after == 0:
                continue
            size = known_size(trace, operand, dim, "nn.functional.pad")
            own = trace.symbols.value(size)
            index = along(iota(trace, size + before + after) - before, operand.ndim, dim)
            inside = (index >= 0) & (index < own)
            result = torch.where(inside, pick(trace, result, index, dim), value).to(operand.dtype)
        return result
