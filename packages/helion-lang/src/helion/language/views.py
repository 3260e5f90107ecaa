"""Values seen with other dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion.language._declare import declare

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch


@declare
def subscript(tensor: torch.Tensor, index: Sequence[slice | None]) -> torch.Tensor:
    """A value with dimensions added; the same as ``tensor[*index]``.

    Args:
        tensor: a value inside of a tile loop.
        index: ``None`` for each dimension of size 1 to add, ``slice(None)`` for each one to keep.

    Raises:
        InvalidIndexingType: another kind of entry.
        RankMismatch: more entries than dimensions.
        DeviceAPIOnHost: outside of a tile loop.
    """
    raise NotImplementedError


@declare
def join(tensor0: torch.Tensor, tensor1: torch.Tensor) -> torch.Tensor:
    """Two values side by side in a new last dimension of size 2.

    Args:
        tensor0: what becomes ``result[..., 0]``.
        tensor1: what becomes ``result[..., 1]``; the two broadcast, and promote to one dtype.

    Returns:
        A value of the broadcast shape with a 2 appended.

    Raises:
        ShapeMismatch: the shapes do not broadcast.
        DeviceAPIOnHost: outside of a tile loop.
    """
    raise NotImplementedError


@declare
def split(tensor: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The two halves of a last dimension of size 2; undoes :func:`join`.

    Args:
        tensor: a value of shape ``[..., 2]``.

    Returns:
        ``tensor[..., 0]`` and ``tensor[..., 1]``.

    Raises:
        UnsupportedSplitOperation: the last dimension does not have size 2.
        DeviceAPIOnHost: outside of a tile loop.
    """
    raise NotImplementedError
