"""Conditions: whether Python decides them while tracing, or the device when it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion import exc
from helion_compiler.program.ops import Full
from helion_compiler.tracing.location import here, location

if TYPE_CHECKING:
    from helion_compiler.tracing.state import Trace


def device_condition(trace: Trace, condition: object) -> torch.Tensor | None:
    """The scalar bool that the device computes; None where Python decides.

    Raises:
        helion.exc.StatementNotSupported: it has a truth for every lane of a tile.
    """
    if not trace.on_device:
        return None
    if isinstance(condition, torch.Tensor) and trace.is_value(condition):
        return _scalar(trace, condition)
    if isinstance(condition, torch.SymBool | torch.SymInt):
        expression = trace.number(condition)
        if trace.symbols.is_host(expression):
            return None
        if isinstance(condition, torch.SymInt):
            return device_condition(trace, condition != 0)
        return _from_expression(trace, expression)
    return None


def _scalar(trace: Trace, condition: torch.Tensor) -> torch.Tensor:
    if any(size != 1 for size in trace.sizes_of(condition)):
        raise exc.StatementNotSupported(
            span=here(),
            statement="a condition with a truth for every lane of a tile",
            remedy="choose lane by lane with `torch.where(condition, a, b)`, "
            "or reduce it with `.any()` or `.all()`",
        )
    if condition.ndim:
        condition = condition.reshape(())
    return condition if condition.dtype is torch.bool else condition != 0


def _from_expression(trace: Trace, expression: Any) -> torch.Tensor:
    tensor = trace.fake((), torch.bool)
    value = trace.new_value(tensor, "condition")
    trace.body.append(Full(result=value, fill=expression, location=location()))
    return tensor
