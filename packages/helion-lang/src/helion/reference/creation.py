"""Values made inside of tile loops, and values seen with other dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion.exc import (
    IncorrectTileUsage,
    InvalidIndexingType,
    RankMismatch,
    ShapeMismatch,
    UnsupportedSplitOperation,
)
from helion.language import Tile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion.reference.state import ReferenceState


def zeros(state: ReferenceState, shape: Any, dtype: torch.dtype, device: Any) -> torch.Tensor:
    """Zeros of the tiles' real sizes."""
    return full(state, shape, 0, dtype, device)


def full(
    state: ReferenceState, shape: Any, value: Any, dtype: torch.dtype, device: Any
) -> torch.Tensor:
    """One value, of the tiles' real sizes."""
    state.check_device(device)
    dtype = state.precise(dtype)
    if isinstance(value, torch.Tensor):
        if value.numel() != 1:
            raise RankMismatch(what="the value", found=value.ndim, expected=0)
        return value.reshape(()).to(dtype).expand(sizes(shape)).clone()
    return torch.full(sizes(shape), value, dtype=dtype, device=state.device)


def arange(
    state: ReferenceState,
    start_or_end: Any,
    end: Any,
    step: Any,
    dtype: torch.dtype | None,
    device: Any,
) -> torch.Tensor:
    """Torch's own, of int32 by default."""
    state.check_device(device)
    start, end = (0, start_or_end) if end is None else (start_or_end, end)
    numbers = [*sizes([start, end]), step]
    return torch.arange(*numbers, dtype=state.precise(dtype or torch.int32), device=state.device)


def sizes(shape: Any) -> list[int]:
    """A shape as numbers.

    Raises:
        IncorrectTileUsage: it is a tile, and no sequence.
        InvalidIndexingType: an entry is no size.
    """
    if isinstance(shape, Tile):
        raise IncorrectTileUsage(
            operation="shape=tile", notes=("a shape is a sequence: write `[tile]`",)
        )
    if not isinstance(shape, (list, tuple)):
        raise InvalidIndexingType(index=f"as a shape, a {type(shape).__name__}")
    return [_size(entry) for entry in shape]


def _size(entry: Any) -> int:
    if isinstance(entry, torch.Tensor) and entry.ndim == 0 and not entry.is_floating_point():
        return int(entry)
    try:
        return int(entry.__index__())
    except (AttributeError, TypeError) as error:
        raise InvalidIndexingType(index=f"in a shape, a {type(entry).__name__}") from error


def subscript(
    state: ReferenceState,  # noqa: ARG001 - every meaning takes it
    tensor: torch.Tensor,
    index: Sequence[Any],
) -> torch.Tensor:
    """Torch's own, for what only adds dimensions."""
    for entry in index:
        if entry is not None and entry != slice(None):
            raise InvalidIndexingType(index=f"in `hl.subscript`, a {type(entry).__name__}")
    kept = sum(entry is not None for entry in index)
    if kept > tensor.ndim:
        raise RankMismatch(what="the subscript", found=kept, expected=tensor.ndim)
    return tensor[tuple(index)].clone()


def join(
    state: ReferenceState,  # noqa: ARG001 - every meaning takes it
    tensor0: torch.Tensor,
    tensor1: torch.Tensor,
) -> torch.Tensor:
    """Stacked along a new last dimension."""
    dtype = torch.promote_types(tensor0.dtype, tensor1.dtype)
    try:
        pair = torch.broadcast_tensors(tensor0, tensor1)  # type: ignore[no-untyped-call]  # torch's own is untyped
    except RuntimeError as error:
        raise ShapeMismatch(
            operation="hl.join",
            reason=f"{list(tensor0.shape)} and {list(tensor1.shape)} do not broadcast",
        ) from error
    return torch.stack([one.to(dtype) for one in pair], dim=-1)


def split(
    state: ReferenceState,  # noqa: ARG001 - every meaning takes it
    tensor: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The two halves of the last dimension."""
    if tensor.ndim == 0 or tensor.size(-1) != 2:
        raise UnsupportedSplitOperation(
            operation="hl.split", reason=f"a value of shape {list(tensor.shape)}"
        )
    first, second = tensor.unbind(-1)
    return first.clone(), second.clone()
