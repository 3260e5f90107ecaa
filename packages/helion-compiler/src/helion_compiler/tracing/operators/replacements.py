"""Operators that give a tile with some of its lanes replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion_compiler.tracing.iota import iota
from helion_compiler.tracing.operators.dims import dim_of
from helion_compiler.tracing.operators.lanes import along, known_size, pick
from helion_compiler.tracing.rules import rule_for
from helion_compiler.tracing.slices import bounds_of

if TYPE_CHECKING:
    from helion_compiler.tracing.state import Trace


@rule_for("select_scatter")
def select_scatter(
    trace: Trace, _operator: Any, operand: torch.Tensor, part: torch.Tensor, dim: int, index: Any
) -> torch.Tensor:
    """The tile with ``part`` at one index of a dimension."""
    dim = dim_of(operand, dim)
    with trace.listening():
        size = trace.symbols.value(known_size(trace, operand, dim, "select_scatter"))
        lanes = along(iota(trace, trace.symbols.expression(size)), operand.ndim, dim)
        place = index + size if index < 0 else index
        return torch.where(lanes == place, part.unsqueeze(dim).to(operand.dtype), operand)


@rule_for("slice_scatter")
def slice_scatter(
    trace: Trace,
    _operator: Any,
    operand: torch.Tensor,
    part: torch.Tensor,
    dim: int = 0,
    start: Any = None,
    end: Any = None,
    step: Any = 1,
) -> torch.Tensor:
    """The tile with ``part`` at every ``step``-th index of a dimension from ``start`` to before ``end``."""
    dim = dim_of(operand, dim)
    begin, count, step = bounds_of(trace, operand.shape[dim], slice(start, end, step))
    with trace.listening():
        lanes = iota(trace, known_size(trace, operand, dim, "slice_scatter")) - begin
        inside = (lanes >= 0) & (lanes < count * step) & (torch.remainder(lanes, step) == 0)
        index = along(torch.div(lanes, step, rounding_mode="floor"), operand.ndim, dim)
        moved = pick(trace, part.to(operand.dtype), index, dim)
        return torch.where(along(inside, operand.ndim, dim), moved, operand)
