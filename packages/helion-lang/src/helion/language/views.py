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

    Example:
        @helion.kernel()
        def outer(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            out = torch.empty([x.size(0), y.size(0)])
            for tile_m, tile_n in hl.tile([x.size(0), y.size(0)]):
                column = hl.subscript(x[tile_m], [slice(None), None])
                out[tile_m, tile_n] = column * y[tile_n][None, :]
            return out

        assert outer(torch.tensor([1.0, 2.0]), torch.tensor([3.0])).tolist() == [[3], [6]]
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

    Example:
        @helion.kernel()
        def interleaved(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            out = torch.empty([x.size(0), 2])
            for tile in hl.tile(x.size(0)):
                out[tile, :] = hl.join(x[tile], y[tile])
            return out

        assert interleaved(torch.zeros(2), torch.ones(2)).tolist() == [[0, 1], [0, 1]]
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

    Example:
        @helion.kernel()
        def magnitudes(pairs: torch.Tensor) -> torch.Tensor:
            out = torch.empty([pairs.size(0)])
            for tile in hl.tile(pairs.size(0)):
                real, imaginary = hl.split(pairs[tile, :])
                out[tile] = torch.sqrt(real * real + imaginary * imaginary)
            return out

        assert magnitudes(torch.tensor([[3.0, 4.0]])).tolist() == [5]
    """
    raise NotImplementedError
