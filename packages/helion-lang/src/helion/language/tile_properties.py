"""The properties of a tile as functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion.language._declare import declare

if TYPE_CHECKING:
    import torch

    from helion.language.tiles import Tile


@declare
def tile_index(tile: Tile) -> torch.Tensor:
    """The positions of ``tile``, a 1-D integer tensor; the same as ``tile.index``.

    Example:
        @helion.kernel()
        def positions(x: torch.Tensor) -> torch.Tensor:
            out = torch.empty([x.size(0)], dtype=torch.int32)
            for tile in hl.tile(x.size(0), block_size=4):
                out[tile] = hl.tile_index(tile)
            return out

        assert positions(torch.empty(6)).tolist() == [0, 1, 2, 3, 4, 5]
    """
    raise NotImplementedError


@declare
def tile_begin(tile: Tile) -> int:
    """The first position of ``tile``; the same as ``tile.begin``.

    Example:
        @helion.kernel()
        def first_positions(x: torch.Tensor) -> torch.Tensor:
            out = torch.empty([x.size(0)], dtype=torch.int32)
            for tile in hl.tile(x.size(0), block_size=4):
                out[tile] = hl.tile_begin(tile)
            return out

        assert first_positions(torch.empty(6)).tolist() == [0, 0, 0, 0, 4, 4]
    """
    raise NotImplementedError


@declare
def tile_end(tile: Tile) -> int:
    """One past the last position of ``tile``, at most the loop's end; the same as ``tile.end``.

    Example:
        @helion.kernel()
        def ends(x: torch.Tensor) -> torch.Tensor:
            out = torch.empty([x.size(0)], dtype=torch.int32)
            for tile in hl.tile(x.size(0), block_size=4):
                out[tile] = hl.tile_end(tile)
            return out

        assert ends(torch.empty(6)).tolist() == [4, 4, 4, 4, 6, 6]
    """
    raise NotImplementedError


@declare
def tile_id(tile: Tile) -> int:
    """The number of ``tile`` within its loop, from 0; the same as ``tile.id``.

    Example:
        @helion.kernel()
        def numbers(x: torch.Tensor) -> torch.Tensor:
            out = torch.empty([x.size(0)], dtype=torch.int32)
            for tile in hl.tile(x.size(0), block_size=4):
                out[tile] = hl.tile_id(tile)
            return out

        assert numbers(torch.empty(6)).tolist() == [0, 0, 0, 0, 1, 1]
    """
    raise NotImplementedError


@declare
def tile_block_size(tile: Tile) -> int:
    """The number of positions of a full tile of the loop; the same as ``tile.block_size``.

    Example:
        @helion.kernel()
        def block_sizes(x: torch.Tensor) -> torch.Tensor:
            out = torch.empty([x.size(0)], dtype=torch.int32)
            for tile in hl.tile(x.size(0), block_size=4):
                out[tile] = hl.tile_block_size(tile)
            return out

        assert block_sizes(torch.empty(6)).tolist() == [4, 4, 4, 4, 4, 4]
    """
    raise NotImplementedError


@declare
def tile_count(tile: Tile) -> int:
    """How many tiles the loop of ``tile`` has; the same as ``tile.count``.

    Example:
        @helion.kernel()
        def counts(x: torch.Tensor) -> torch.Tensor:
            out = torch.empty([x.size(0)], dtype=torch.int32)
            for tile in hl.tile(x.size(0), block_size=4):
                out[tile] = hl.tile_count(tile)
            return out

        assert counts(torch.empty(6)).tolist() == [2, 2, 2, 2, 2, 2]
    """
    raise NotImplementedError
