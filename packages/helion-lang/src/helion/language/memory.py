"""Reading and writing tensors; ``x[...]`` and ``x[...] = v`` inside of tile loops mean these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import attrs

from helion.language._declare import declare

if TYPE_CHECKING:
    import torch

    from helion.language.indices import Index


@declare
def load(
    tensor: torch.Tensor | StackTensor,
    index: Index,
    extra_mask: torch.Tensor | None = None,
    eviction_policy: Literal["", "evict_first", "evict_last"] | None = None,
) -> torch.Tensor:
    """Read the part of ``tensor`` that ``index`` selects; the same as ``tensor[*index]``.

    Args:
        tensor: of any rank and dtype; or stacked tensors, whose stacking dimensions then come first.
        index: an entry per dimension: a tile or a slice keeps the dimension, an integer drops it, ``None`` adds one,
            ``...`` stands for the dimensions not mentioned, an integer tensor gathers. Several index tensors of one
            dimension combine, each giving a dimension; those of two and more broadcast against each other. What an
            index tensor holds counts from 0; only a number that is written out may be negative. Whether it lies inside
            of the tensor is checked in reference mode and for CPU tensors, not on a GPU.
        extra_mask: a boolean tensor that broadcasts to the selected shape. Where it is false the result is zero, and
            the position is not read: it may lie outside of the tensor.
        eviction_policy: how the caches of a GPU should treat what is read; it changes no result.

    Returns:
        A value of the dtype of ``tensor``.

    Raises:
        RankMismatch: more entries than dimensions.
        TileOutOfBounds: a tile's loop covers more than the dimension.
        ShapeMismatch: ``extra_mask`` does not broadcast to the selected shape.
        DeviceAPIOnHost: outside of a tile loop.

    Example:
        @helion.kernel()
        def left_neighbours(x: torch.Tensor) -> torch.Tensor:
            out = torch.empty_like(x)
            for tile in hl.tile(x.size(0)):
                before = tile.index - 1
                out[tile] = hl.load(x, [before], extra_mask=before >= 0)
            return out

        assert left_neighbours(torch.tensor([1.0, 2.0, 3.0])).tolist() == [0, 1, 2]
    """
    raise NotImplementedError


@declare
def store(
    tensor: torch.Tensor | StackTensor,
    index: Index,
    value: torch.Tensor | float,
    extra_mask: torch.Tensor | None = None,
) -> None:
    """Write ``value`` into the part of ``tensor`` that ``index`` selects; the same as ``tensor[*index] = value``.

    Args:
        tensor: written in place.
        index: as for :func:`load`.
        value: broadcast to the selected shape and cast to the dtype of ``tensor``.
        extra_mask: a boolean tensor that broadcasts to the selected shape. Where it is false nothing is written, and
            the position may lie outside of the tensor.

    Raises:
        ShapeMismatch: ``value`` or ``extra_mask`` does not broadcast to the selected shape.
        RankMismatch, TileOutOfBounds, DeviceAPIOnHost: as for :func:`load`.

    Example:
        @helion.kernel()
        def positives(x: torch.Tensor) -> torch.Tensor:
            out = torch.zeros_like(x)
            for tile in hl.tile(x.size(0)):
                hl.store(out, [tile], x[tile], extra_mask=x[tile] > 0)
            return out

        assert positives(torch.tensor([1.0, -2.0])).tolist() == [1, 0]
    """
    raise NotImplementedError


@attrs.frozen(eq=False)
class StackTensor:
    """Tensors that are alike, stacked: made by :func:`stacktensor_like`, never by users.

    A subscript applies to each of them: reading gives their parts stacked in the shape of ``dev_ptrs``, and an assigned
    value is taken apart along these dimensions.

    Attributes:
        tensor_like: a tensor with the shape, strides and dtype of each.
        dev_ptrs: their addresses.
    """

    tensor_like: torch.Tensor
    dev_ptrs: torch.Tensor

    @property
    def dtype(self) -> torch.dtype:
        """Of each tensor."""
        return self.tensor_like.dtype

    @property
    def device(self) -> torch.device:
        """Of each tensor."""
        return self.tensor_like.device

    @property
    def shape(self) -> tuple[int, ...]:
        """The stacking dimensions, then those of each tensor."""
        return (*self.dev_ptrs.shape, *self.tensor_like.shape)

    def __getitem__(self, index: Any) -> torch.Tensor:
        return load(self, _entries(index))

    def __setitem__(self, index: Any, value: torch.Tensor | float) -> None:
        store(self, _entries(index), value)


def _entries(index: Any) -> list[Any]:
    return list(index) if isinstance(index, (tuple, list)) else [index]
