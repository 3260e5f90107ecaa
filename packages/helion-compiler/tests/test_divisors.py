"""Masks go where every block is full, also in loops between the tiles of other loops."""

from __future__ import annotations

import pytest
import torch

import helion
import helion.language as hl


@helion.kernel()
def running(x: torch.Tensor) -> torch.Tensor:
    """Sums of rows up to and with the tile of their columns."""
    n, m = x.size()
    out = torch.empty([n, m], dtype=torch.float32, device=x.device)
    for tile_n, tile_m in hl.tile([n, m]):
        acc = hl.zeros([tile_n], dtype=torch.float32)
        for before in hl.tile(tile_m.begin):
            acc += x[tile_n, before].sum(1)
        for within in hl.tile(tile_m.begin, tile_m.end):
            seen = within.index[None, :, None] <= tile_m.index[None, None, :]
            acc2 = torch.where(seen, x[tile_n, within][:, :, None], 0).sum(1)
            out[tile_n, tile_m] = acc2 if within.id == 0 else out[tile_n, tile_m] + acc2
        out[tile_n, tile_m] = out[tile_n, tile_m] + acc[:, None]
    return out


@pytest.mark.parametrize(
    ("columns", "blocks", "masks"),
    [
        (64, [4, 16, 8, 4], 0),  # every block divides
        (64, [4, 16, 32, 4], 1),  # the loop before ends within a block
        (
            62,
            [4, 16, 8, 4],
            2,
        ),  # the last tile of the columns is cut: so are it and the loop over it
    ],
)
def test_masks_of_inner_loops(columns: int, blocks: list[int], masks: int) -> None:
    x = torch.randn(8, columns)
    config = helion.Config(block_sizes=blocks)
    bound = running.bind((x,))
    source = bound.to_triton_code(config)
    assert source.count("_mask = ") == masks
    torch.testing.assert_close(bound.compile_config(config)(x), x.cumsum(1), rtol=1e-4, atol=1e-4)
