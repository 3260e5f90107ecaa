"""Views of tiles in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helion_compiler.tracing import subscripts
from helion_compiler.tracing.meanings.registry import meaning, need_device

if TYPE_CHECKING:
    import torch

    from helion_compiler.tracing.state import Trace


@meaning
def subscript(trace: Trace, tensor: torch.Tensor, index: Any) -> torch.Tensor:
    """``hl.subscript``: ``tensor[index]`` of a tile."""
    need_device(trace, "subscript")
    return subscripts.subscript(trace, tensor, tuple(index))
