"""Tiles with the longest loops are dealt out first."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import helion
import helion.language as hl


@helion.kernel()
def prefix_sums(x: torch.Tensor) -> torch.Tensor:
    """As long as the tile of rows ends."""
    rows, columns = x.size()
    out = torch.empty_like(x)
    for tile_n, tile_m in hl.tile([columns, rows]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(tile_m.end):
            before = tile_m.index[:, None] >= tile_k.index[None, :]
            acc = torch.addmm(acc, before.to(torch.float32), x[tile_k, tile_n])
        out[tile_m, tile_n] = acc
    return out


@helion.kernel()
def suffix_sums(x: torch.Tensor) -> torch.Tensor:
    """From where the tile of rows begins: the first tiles are the longest as they are."""
    rows, columns = x.size()
    out = torch.empty_like(x)
    for tile_n, tile_m in hl.tile([columns, rows]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(tile_m.begin, rows):
            behind = tile_m.index[:, None] <= tile_k.index[None, :]
            acc = torch.addmm(acc, behind.to(torch.float32), x[tile_k, tile_n])
        out[tile_m, tile_n] = acc
    return out


@helion.kernel()
def prefix_sums_of_items(x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """As long as the tile of rows ends, or the item."""
    items, rows = x.size()
    out = torch.zeros_like(x)
    for item, tile_m in hl.tile([items, rows], block_size=[1, None]):
        length = lengths[item.begin]
        acc = hl.zeros([tile_m], dtype=torch.float32)
        for tile_k in hl.tile(torch.clamp(length, max=tile_m.end)):
            before = tile_m.index[:, None] >= tile_k.index[None, :]
            acc += torch.where(before, x[item.begin, tile_k][None, :], 0.0).sum(-1)
        out[item.begin, tile_m] = acc
    return out


@helion.kernel()
def in_two_parts(x: torch.Tensor) -> torch.Tensor:
    """The same number of turns for each tile, in one loop or the other."""
    out = torch.empty_like(x)
    for tile_m in hl.tile(x.size(0)):
        acc = hl.zeros([tile_m], dtype=torch.float32)
        for tile_k in hl.tile(tile_m.begin):
            acc += x[tile_k].sum()
        for tile_k in hl.tile(tile_m.begin, x.size(0)):
            acc -= x[tile_k].sum()
        out[tile_m] = acc
    return out


def items_expected(x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    exists = torch.arange(x.size(1))[None, :] < lengths[:, None]
    return torch.where(exists, x, 0.0).cumsum(1)


def parts_expected(x: torch.Tensor) -> torch.Tensor:
    """Of tiles of 16."""
    begins = torch.arange(x.size(0)) // 16 * 16
    before = torch.tensor([x[:begin].sum() for begin in begins])
    return 2 * before - x.sum()


X = torch.randn(70, 40)
LENGTHS = torch.randint(0, 41, (70,))
KERNELS: dict[str, tuple[Any, tuple[torch.Tensor, ...], list[int], tuple[int, ...], Any]] = {
    "prefix": (prefix_sums, (X,), [16, 16, 16], (1,), lambda x: x.cumsum(0)),
    "suffix": (suffix_sums, (X,), [16, 16, 16], (), lambda x: x.flip(0).cumsum(0).flip(0)),
    "items": (prefix_sums_of_items, (X, LENGTHS), [16, 8], (1,), items_expected),
    "parts": (in_two_parts, (X[:, 0].contiguous(),), [16, 8, 8], (), parts_expected),
}


@pytest.mark.parametrize("pid_type", ["flat", "persistent_blocked"])
@pytest.mark.parametrize("name", KERNELS)
def test_tiles_with_the_longest_loops_come_first(name: str, pid_type: str) -> None:
    kernel, arguments, blocks, from_end, expected = KERNELS[name]
    bound = kernel.bind(arguments)
    config = helion.Config(block_sizes=blocks, pid_type=pid_type)
    lowered = bound._implementation.specialized.lower(config)
    (grid,) = lowered.schedule.grids
    assert grid.from_end == from_end
    found = bound.compile_config(config)(*arguments)
    torch.testing.assert_close(found, expected(*arguments), atol=1e-4, rtol=1e-4)


def test_every_dimension_of_the_launch_may_begin_at_its_end() -> None:
    config = helion.Config(block_sizes=[16, 16, 16], pid_type="xyz")
    found = prefix_sums.bind((X,)).compile_config(config)(X)
    torch.testing.assert_close(found, X.cumsum(0), atol=1e-4, rtol=1e-4)
