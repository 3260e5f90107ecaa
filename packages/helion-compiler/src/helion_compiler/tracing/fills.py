"""Tiles of one number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion_compiler.program.ops import Full
from helion_compiler.tracing.location import location
from helion_compiler.tracing.number_ranges import converted

if TYPE_CHECKING:
    from helion_compiler.program.types import Size
    from helion_compiler.tracing.state import Trace


def fill_tile(trace: Trace, sizes: tuple[Size, ...], fill: Any, dtype: torch.dtype) -> torch.Tensor:
    """Record a tile whose every lane is ``fill``.

    Raises:
        helion.exc.NumberOutOfRange: the dtype cannot hold it.
    """
    tensor = trace.fake(sizes, dtype)
    if isinstance(fill, torch.SymInt):
        fill = trace.number(fill)
    elif isinstance(fill, torch.SymFloat) and dtype.is_floating_point:
        fill = trace.float_number(fill)
    else:
        fill = converted(fill, dtype)
    value = trace.new_value(tensor, "full")
    trace.body.append(Full(result=value, fill=fill, location=location()))
    return tensor
