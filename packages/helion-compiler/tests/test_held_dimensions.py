"""Dimensions of one lane: Triton's values do not have them, whatever an author does with them."""

from __future__ import annotations

import pytest
import torch

import helion
import helion.language as hl
from helion import reference


@helion.kernel()
def batched(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    batch, m, k = x.size()
    n = y.size(2)
    out = torch.empty([batch, m, n], dtype=x.dtype, device=x.device)
    for tile_b, tile_m, tile_n in hl.tile([batch, m, n]):
        acc = hl.zeros([tile_b, tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(k):
            acc = torch.baddbmm(acc, x[tile_b, tile_m, tile_k], y[tile_b, tile_k, tile_n])
        out[tile_b, tile_m, tile_n] = acc.to(x.dtype)
    return out


@helion.kernel()
def arranged(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Views, reductions, a scan, a sort and a pick along dimensions that may have one lane."""
    m, n = x.size()
    views = torch.empty([n, m], dtype=x.dtype, device=x.device)
    sums = torch.empty([m], dtype=torch.float32, device=x.device)
    rows = torch.empty([m, n], dtype=x.dtype, device=x.device)
    for tile in hl.tile(m):
        part = x[tile, :]
        views[:, tile] = part[:, None, :].permute(2, 1, 0).squeeze(1)
        highest = torch.argmax(part, dim=1)
        picked = torch.gather(part, 1, highest[:, None]).reshape([tile])
        sums[tile] = (picked + torch.amax(part.unsqueeze(0), dim=0).sum(-1)).to(torch.float32)
        rows[tile, :] = torch.cumsum(torch.sort(part, dim=1).values, dim=1)
    return views, sums, rows


@helion.kernel()
def along_the_tile(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    m, n = x.size()
    total = torch.empty([helion.cdiv(m, 1), n], dtype=torch.float32, device=x.device)
    place = torch.empty([m, n], dtype=torch.int64, device=x.device)
    for tile in hl.tile(m, block_size=1):
        part = x[tile, :]
        total[tile.id, :] = torch.cumsum(part, dim=0).sum(0)
        place[tile, :] = torch.argmin(part, dim=0, keepdim=True) + hl.arange(0, 1)[:, None]
    return total, place


def compare(kernel: helion.Kernel, config: helion.Config, *arguments: torch.Tensor) -> None:
    wanted = reference.run(kernel.fn, arguments, precision="high").outputs
    found = kernel.bind(arguments).compile_config(config)(*arguments)
    pairs = zip(found, wanted, strict=True) if isinstance(found, tuple) else [(found, wanted)]
    for actual, expected in pairs:
        torch.testing.assert_close(actual.double(), expected.double(), rtol=2e-2, atol=2e-2)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("block", [1, 2])
def test_a_batch_of_products(batch: int, block: int) -> None:
    x, y = torch.randn(batch, 33, 40).half(), torch.randn(batch, 40, 17).half()
    config = helion.Config(block_sizes=[block, 16, 16, 16])
    compare(batched, config, x, y)


def test_products_of_one_batch_are_products_of_matrices() -> None:
    x, y = torch.empty(3, 32, 32).half(), torch.empty(3, 32, 32).half()
    bound = batched.bind((x, y))
    source = bound.to_triton_code(helion.Config(block_sizes=[1, 16, 16, 16]))
    assert "tl.zeros" not in source
    assert "None, None" not in source
    assert "tl.full([16, 16]" in source


@pytest.mark.parametrize("shape", [(5, 1), (1, 1), (4, 6), (1, 7)])
@pytest.mark.parametrize("block", [1, 4])
def test_rows_of_one_lane(shape: tuple[int, int], block: int) -> None:
    compare(arranged, helion.Config(block_sizes=[block]), torch.randn(shape))


@pytest.mark.parametrize("shape", [(3, 5), (1, 1)])
def test_a_tile_of_one_index(shape: tuple[int, int]) -> None:
    compare(along_the_tile, helion.Config(), torch.randn(shape))


@pytest.mark.parametrize("turned", [(0,), (1,), (0, 1)])
def test_descriptors_of_turned_matrices(turned: tuple[int, ...]) -> None:
    x, y = torch.randn(2, 48, 32).half(), torch.randn(2, 32, 40).half()
    x, y = (
        tensor.mT.contiguous().mT if number in turned else tensor
        for number, tensor in enumerate((x, y))
    )
    config = helion.Config(block_sizes=[1, 32, 64, 32], indexing="tensor_descriptor")
    source = batched.bind((x, y)).to_triton_code(config)
    assert source.count("_descriptor.load(") == 2
    assert source.count("tl.permute(") == len(turned)
    compare(batched, config, x, y)


def test_descriptors_where_one_index_has_a_stride_of_its_own() -> None:
    x = torch.randn(32 * 48).half().as_strided((1, 48, 32), (1, 32, 1))
    y = torch.randn(1, 32, 40).half()
    config = helion.Config(block_sizes=[1, 32, 64, 32], indexing="tensor_descriptor")
    compare(batched, config, x, y)
