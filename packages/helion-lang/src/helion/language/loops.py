"""Loops over tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

from helion.language._declare import declare

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import torch

    from helion.language.tiles import Tile


@overload
def tile(
    begin_or_end: int | torch.Tensor,
    end: int | torch.Tensor | None = None,
    /,
    block_size: int | torch.Tensor | None = None,
) -> Iterator[Tile]: ...
@overload
def tile(
    begin_or_end: Sequence[int | torch.Tensor],
    end: Sequence[int | torch.Tensor] | None = None,
    /,
    block_size: Sequence[int | None] | int | None = None,
) -> Iterator[tuple[Tile, ...]]: ...
@declare
def tile(
    begin_or_end: int | torch.Tensor | Sequence[int | torch.Tensor],
    end: int | torch.Tensor | Sequence[int | torch.Tensor] | None = None,
    /,
    block_size: int | torch.Tensor | Sequence[int | None] | None = None,
) -> Iterator[Tile] | Iterator[tuple[Tile, ...]]:
    """Loop over ``[begin, end)`` in tiles.

    An outermost loop is the launch grid: its tiles run in parallel, in no particular order. A loop within a loop runs
    in order, one tile after the other.

    Args:
        begin_or_end: the end when ``end`` is not given, else the beginning. Given a sequence, the loop has one axis
            per element, and each iteration gives a tuple of tiles.
        end: one past the last position, of the same kind as the beginning.
        block_size: positions per tile, fixed. Left out, or None for an axis, the config decides
            (``Config(block_sizes=[...])``).

    Yields:
        A :class:`Tile`, or a tuple with one per axis. An empty range yields nothing.

    Raises:
        InvalidTileRange: beginnings, ends and block sizes do not fit each other.

    Example:
        @helion.kernel()
        def add(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            out = torch.empty_like(x)
            for tile_m, tile_n in hl.tile([x.size(0), x.size(1)]):
                out[tile_m, tile_n] = x[tile_m, tile_n] + y[tile_m, tile_n]
            return out

        x, y = torch.rand(5, 7), torch.rand(5, 7)
        assert add(x, y).equal(x + y)
    """
    raise NotImplementedError


@declare
def jagged_tile(parent: torch.Tensor) -> Iterator[Tile]:
    """Loop in tiles up to the longest of several ends, each lane masked at its own.

    Inside the loop, an element that belongs to a lane of ``parent`` and to a position at or beyond that lane's end
    is not there: it reads as zero and is not written. Subscripts therefore mention the tile together with the axes of
    ``parent``: ``x[tile_row, tile]``, or positions computed from both, ``x[start[:, None] + tile.index[None, :]]``.

    Args:
        parent: an integer tensor with at least one dimension, each of them a tile's of the loops around; its elements
            are the ends, one per lane.

    Yields:
        A :class:`Tile` from 0 to the largest end.

    Raises:
        InvalidJaggedTileUsage: ``parent`` is no integer tensor, has no dimensions, or there is no loop around.

    Example:
        @helion.kernel()
        def sums(x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
            out = torch.empty([x.size(0)])
            for tile in hl.tile(x.size(0)):
                total = hl.zeros([tile])
                for inner in hl.jagged_tile(lengths[tile]):
                    total = total + x[tile, inner].sum(1)
                out[tile] = total
            return out

        assert sums(torch.ones(3, 4), torch.tensor([4, 0, 2])).tolist() == [4, 0, 2]
    """
    raise NotImplementedError
