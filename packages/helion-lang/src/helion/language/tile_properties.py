"""The properties of a tile as functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion.language._declare import declare

if TYPE_CHECKING:
    import torch

    from helion.language.tiles import Tile


@declare
def tile_index(tile: Tile) -> torch.Tensor:
    """The positions of ``tile``, a 1-D integer tensor; the same as ``tile.index``."""
    raise NotImplementedError


@declare
def tile_begin(tile: Tile) -> int:
    """The first position of ``tile``; the same as ``tile.begin``."""
    raise NotImplementedError


@declare
def tile_end(tile: Tile) -> int:
    """One past the last position of ``tile``, at most the loop's end; the same as ``tile.end``."""
    raise NotImplementedError


@declare
def tile_id(tile: Tile) -> int:
    """The number of ``tile`` within its loop, from 0; the same as ``tile.id``."""
    raise NotImplementedError


@declare
def tile_block_size(tile: Tile) -> int:
    """The number of positions of a full tile of the loop; the same as ``tile.block_size``."""
    raise NotImplementedError


@declare
def tile_count(tile: Tile) -> int:
    """How many tiles the loop of ``tile`` has; the same as ``tile.count``."""
    raise NotImplementedError
