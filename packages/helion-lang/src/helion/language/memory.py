"""Reading and writing tensors; ``x[...]`` and ``x[...] = v`` inside of tile loops mean these."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion.language._declare import declare

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import EllipsisType

    import torch

    from helion.language.tiles import Tile


@declare
def load(
    tensor: torch.Tensor, index: Sequence[Tile | int | slice | EllipsisType | torch.Tensor | None]
) -> torch.Tensor:
    """Read the part of ``tensor`` that ``index`` selects; the same as ``tensor[*index]``.

    Args:
        tensor: of any rank and dtype.
        index: an entry per dimension: a tile or a slice keeps the dimension, an integer drops it, ``None`` adds one,
            ``...`` stands for the dimensions not mentioned, an integer tensor gathers.

    Returns:
        A value of the dtype of ``tensor``.

    Raises:
        RankMismatch: more entries than dimensions.
        TileOutOfBounds: a tile's loop covers more than the dimension.
        DeviceAPIOnHost: outside of a tile loop.
    """
    raise NotImplementedError


@declare
def store(
    tensor: torch.Tensor,
    index: Sequence[Tile | int | slice | EllipsisType | torch.Tensor | None],
    value: torch.Tensor | float,
) -> None:
    """Write ``value`` into the part of ``tensor`` that ``index`` selects; the same as ``tensor[*index] = value``.

    Args:
        tensor: written in place.
        index: as for :func:`load`.
        value: broadcast to the selected shape and cast to the dtype of ``tensor``.

    Raises:
        ShapeMismatch: ``value`` does not broadcast to the selected shape.
        RankMismatch, TileOutOfBounds, DeviceAPIOnHost: as for :func:`load`.
    """
    raise NotImplementedError
