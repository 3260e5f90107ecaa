"""Views of tiles in words, and pairs of tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion import exc
from helion_compiler.program.lane_ops import Split
from helion_compiler.tracing import subscripts
from helion_compiler.tracing.location import here, location
from helion_compiler.tracing.meanings.registry import meaning, need_device
from helion_compiler.tracing.operators.lanes import pair

if TYPE_CHECKING:
    from helion_compiler.tracing.state import Trace


@meaning
def subscript(trace: Trace, tensor: torch.Tensor, index: Any) -> torch.Tensor:
    """``hl.subscript``: ``tensor[index]`` of a tile."""
    need_device(trace, "subscript")
    return subscripts.subscript(trace, tensor, tuple(index))


@meaning
def join(trace: Trace, tensor0: torch.Tensor, tensor1: torch.Tensor) -> torch.Tensor:
    """``hl.join``: broadcast, promoted, and side by side."""
    need_device(trace, "join")
    dtype = torch.promote_types(tensor0.dtype, tensor1.dtype)
    first, second = _broadcast(trace, tensor0.to(dtype), tensor1.to(dtype))
    return pair(trace, first, second)


def _broadcast(
    trace: Trace, first: torch.Tensor, second: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    try:
        shape = torch.broadcast_shapes(first.shape, second.shape)  # type: ignore[no-untyped-call]  # torch's own is untyped
        return first.expand(shape), second.expand(shape)
    except RuntimeError as error:
        raise exc.ShapeMismatch(
            span=here(),
            operation="hl.join",
            reason=f"{trace.describe(first)} and {trace.describe(second)} do not fit",
        ) from error


@meaning
def split(trace: Trace, tensor: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """``hl.split``: the two halves of a last dimension of size 2."""
    need_device(trace, "split")
    sizes = trace.sizes_of(tensor)
    if sizes[-1:] != (2,):
        raise exc.UnsupportedSplitOperation(
            span=here(),
            operation="hl.split",
            reason=f"the last dimension of {trace.describe(tensor)} does not have size 2",
        )
    halves = trace.fake(sizes[:-1], tensor.dtype), trace.fake(sizes[:-1], tensor.dtype)
    operand = trace.value_of(tensor)
    first, second = (trace.new_value(half, "half") for half in halves)
    trace.body.append(Split(results=(first, second), operand=operand, location=location()))
    return halves
