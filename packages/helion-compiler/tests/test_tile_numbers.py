"""What tiles say about themselves: sizes that count valid lanes, nominal block sizes, ends, ids, shifts."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import helion
import helion.language as hl
from helion import reference


def tile_means(x: torch.Tensor) -> torch.Tensor:
    m, n = x.size()
    out = torch.empty([m], dtype=x.dtype, device=x.device)
    for tile_m in hl.tile(m):
        total = hl.zeros([tile_m], dtype=torch.float32)
        for tile_n in hl.tile(n):
            total = total + x[tile_m, tile_n].mean(-1) * (tile_n.end - tile_n.begin)
        out[tile_m] = total / n
    return out


def numbers(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        out[tile] = x[tile] + tile.id * 1000 + tile.index + tile.block_size * 10 + tile.count
    return out


def sizes(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        out[tile] = x[tile] * 0 + x[tile].shape[0]
    return out


def shifted(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        out[tile] = x[tile] + x[tile + 1] - x[tile - 2]
    return out


def lower_triangle_sums(x: torch.Tensor) -> torch.Tensor:
    n, _ = x.size()
    out = torch.empty([n], dtype=x.dtype, device=x.device)
    for rows in hl.tile(n):
        total = hl.zeros([rows], dtype=torch.float32)
        for columns in hl.tile(0, rows.end):
            total = total + x[rows, columns].sum(-1)
        out[rows] = total
    return out


def shared_block_size(x: torch.Tensor) -> torch.Tensor:
    m, n = x.size()
    out = torch.empty([m], dtype=x.dtype, device=x.device)
    block = hl.register_block_size(32)
    for tile_m in hl.tile(m):
        total = hl.zeros([tile_m], dtype=torch.float32)
        for tile_n in hl.tile(n, block_size=block):
            total = total + x[tile_m, tile_n].sum(-1)
        for tile_n in hl.tile(n, block_size=block):
            total = total + x[tile_m, tile_n].amax(-1)
        out[tile_m] = total
    return out


CASES = [
    (tile_means, (37, 101), [8, 16]),
    (numbers, (100,), [16]),
    (sizes, (100,), [16]),
    (shifted, (77,), [16]),
    (lower_triangle_sums, (50, 50), [16, 8]),
]


@pytest.mark.parametrize("static_shapes", [True, False])
@pytest.mark.parametrize(
    ("function", "shape", "blocks"), CASES, ids=[case[0].__name__ for case in CASES]
)
def test_numbers_of_tiles(
    function: Any, shape: tuple[int, ...], blocks: list[int], static_shapes: bool
) -> None:
    """With blocks that do not divide the range, the last tile is partial: both modes agree on what it says."""
    x = torch.randn(shape)
    kernel = helion.kernel(function, static_shapes=static_shapes)
    result = kernel.bind((x,)).compile_config(helion.Config(block_sizes=blocks))(x)
    expected = reference.run(function, (x,), block_sizes=blocks).outputs
    torch.testing.assert_close(result, expected, rtol=1e-4, atol=1e-4)


def test_loops_share_a_registered_block_size() -> None:
    x = torch.randn(20, 50)
    kernel = helion.kernel(shared_block_size)
    bound = kernel.bind((x,))
    assert [site.name for site in bound.config_spec.sites["block_sizes"]] == ["block", "tile_m"]
    config = helion.Config(block_sizes={"block": 16, "tile_m": 4})
    result = bound.compile_config(config)(x)
    maxima = torch.stack([part.amax(-1) for part in x.split(16, 1)]).sum(0)
    torch.testing.assert_close(result, x.sum(-1) + maxima, rtol=1e-4, atol=1e-4)


def shared_inside_each_other(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    m, n = x.size()
    out, sums = torch.empty_like(x), torch.empty([m], dtype=x.dtype, device=x.device)
    block = hl.register_block_size(16)
    for rows in hl.tile(m, block_size=block):
        total = hl.zeros([rows])
        for columns in hl.tile(n, block_size=block):
            out[rows, columns] = x[rows, columns] + y[columns][None, :] + rows.index[:, None]
            total = total + (x[rows, columns] + 1).sum(1)
        sums[rows] = total
    return out, sums


@pytest.mark.parametrize("block", [4, 8, 16])
def test_loops_inside_each_other_share_a_block_size(block: int) -> None:
    """One number, and yet each dimension has the mask of its own loop."""
    x, y = torch.randn(7, 21), torch.randn(21)
    bound = helion.kernel(shared_inside_each_other).bind((x, y))
    assert [site.name for site in bound.config_spec.sites["block_sizes"]] == ["block"]
    out, sums = bound.compile_config(helion.Config(block_sizes=[block]))(x, y)
    torch.testing.assert_close(out, x + y + torch.arange(7)[:, None])
    torch.testing.assert_close(sums, (x + 1).sum(1), rtol=1e-4, atol=1e-4)


def shared_by_a_product(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    m, k = x.size()
    _, n = y.size()
    out = torch.empty([m, n], dtype=x.dtype, device=x.device)
    block = hl.register_block_size(64)
    for rows, columns in hl.tile([m, n], block_size=[block, block]):
        acc = hl.zeros([rows, columns])
        for inner in hl.tile(k, block_size=block):
            acc = torch.addmm(acc, x[rows, inner], y[inner, columns])
        out[rows, columns] = acc
    return out


def test_all_loops_of_a_product_share_a_block_size() -> None:
    x, y = torch.randn(37, 21), torch.randn(21, 19)
    kernel = helion.kernel(shared_by_a_product)
    torch.testing.assert_close(kernel(x, y), x @ y, rtol=1e-4, atol=1e-4)
    (site,) = kernel.bind((x, y)).config_spec.sites["block_sizes"]
    assert site.parameter.low == 16
