"""The indices of a dimension as a tile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from helion_compiler.program.ops import Iota, Range
from helion_compiler.program.types import whole_axis
from helion_compiler.tracing.fills import fill_tile
from helion_compiler.tracing.location import location

if TYPE_CHECKING:
    from helion_compiler.program.types import Size
    from helion_compiler.tracing.state import Trace


def iota(trace: Trace, size: Size) -> torch.Tensor:
    """``[0, 1, …]`` along a dimension of this size, int32."""
    axis = whole_axis(size)
    if axis is None:
        return fill_tile(trace, (1,), 0, torch.int32)
    tensor = trace.fake((size,), torch.int32)
    value = trace.new_value(tensor, "lanes")
    if trace.symbols.is_host(size):
        trace.body.append(Range(result=value, axis=axis, location=location()))
    else:
        trace.body.append(Iota(result=value, location=location()))
    return tensor
