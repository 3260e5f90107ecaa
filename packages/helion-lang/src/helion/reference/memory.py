"""Reading and writing tensors and stacks of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helion.exc import InvalidAPIUsage
from helion.language import StackTensor
from helion.reference import subscripts
from helion.reference.stacks import read_stack, write_stack

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from helion.reference.state import ReferenceState

_POLICIES = (None, "", "evict_first", "evict_last")


def load(
    state: ReferenceState,
    tensor: torch.Tensor | StackTensor,
    index: Sequence[Any],
    extra_mask: torch.Tensor | None,
    eviction_policy: str | None,
) -> torch.Tensor:
    """The subscript; caches have no meaning here."""
    if eviction_policy not in _POLICIES:
        raise InvalidAPIUsage(
            function="load",
            problem=f"eviction_policy={eviction_policy!r} is unknown",
            remedy='leave it out, or use "evict_first" or "evict_last"',
        )
    if isinstance(tensor, StackTensor):
        return read_stack(state, tensor, tuple(index), extra_mask)
    state.note_read(tensor)
    return subscripts.read(tensor, tuple(index), extra_mask)


def store(
    state: ReferenceState,
    tensor: torch.Tensor | StackTensor,
    index: Sequence[Any],
    value: Any,
    extra_mask: torch.Tensor | None,
) -> None:
    """The subscript assignment."""
    if isinstance(tensor, StackTensor):
        write_stack(state, tensor, tuple(index), value, extra_mask)
        return
    state.note_write(tensor)
    subscripts.write(tensor, tuple(index), value, extra_mask)
