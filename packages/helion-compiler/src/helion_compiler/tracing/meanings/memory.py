"""Loads and stores in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helion import exc
from helion_compiler.tracing import subscripts
from helion_compiler.tracing.location import here
from helion_compiler.tracing.meanings.registry import meaning, need_device

if TYPE_CHECKING:
    import torch

    from helion_compiler.tracing.state import Trace


@meaning
def load(
    trace: Trace,
    tensor: torch.Tensor,
    index: Any,
    extra_mask: torch.Tensor | None = None,
    eviction_policy: str | None = None,
) -> torch.Tensor:
    """``tensor[index]`` in words."""
    need_device(trace, "load")
    if eviction_policy not in (None, "", "evict_first", "evict_last"):
        raise exc.InvalidAPIUsage(
            span=here(),
            function="load",
            problem=f"eviction_policy={eviction_policy!r} is unknown",
            remedy='leave it out, or use "evict_first" or "evict_last"',
        )
    return subscripts.load(trace, tensor, tuple(index), extra_mask, eviction_policy)


@meaning
def store(
    trace: Trace,
    tensor: torch.Tensor,
    index: Any,
    value: Any,
    extra_mask: torch.Tensor | None = None,
) -> None:
    """``tensor[index] = value`` in words."""
    need_device(trace, "store")
    subscripts.store(trace, tensor, tuple(index), value, extra_mask)
