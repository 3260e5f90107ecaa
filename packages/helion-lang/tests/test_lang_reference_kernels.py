"""Whole kernels in reference mode, beside what torch computes."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion
import helion.language as hl
from helion.reference import run

if TYPE_CHECKING:
    from collections.abc import Callable

    from helion.reference import BlockSizes

DTYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64]
BLOCKS: list[BlockSizes] = [None, 8, 5]


@helion.kernel(ref_mode=True)
def matmul(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    m, k = x.size()
    k, n = y.size()
    out = torch.empty([m, n], dtype=x.dtype, device=x.device)
    for tile_m, tile_n in hl.tile([m, n]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(k):
            acc = torch.addmm(acc, x[tile_m, tile_k], y[tile_k, tile_n])
        out[tile_m, tile_n] = acc
    return out


@helion.kernel(ref_mode=True)
def add(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    x, y = torch.broadcast_tensors(x, y)
    out = torch.empty(x.shape, dtype=torch.promote_types(x.dtype, y.dtype), device=x.device)
    for tile in hl.tile(out.size()):
        out[tile] = x[tile] + y[tile]
    return out


@helion.kernel(ref_mode=True)
def softmax(x: torch.Tensor) -> torch.Tensor:
    n, _ = x.size()
    out = torch.empty_like(x)
    for tile_n in hl.tile(n):
        row = x[tile_n, :].to(torch.float32)
        shifted = torch.exp(row - torch.amax(row, dim=1, keepdim=True))
        out[tile_n, :] = shifted / shifted.sum(dim=1, keepdim=True)
    return out


@helion.kernel(ref_mode=True)
def matmul_epilogue(
    x: torch.Tensor,
    y: torch.Tensor,
    epilogue: Callable[[torch.Tensor, tuple[hl.Tile, hl.Tile]], torch.Tensor],
) -> torch.Tensor:
    m, k = x.size()
    k, n = y.size()
    out = torch.empty([m, n], dtype=torch.promote_types(x.dtype, y.dtype), device=x.device)
    for tile_m, tile_n in hl.tile([m, n]):
        acc = hl.zeros([tile_m, tile_n])
        for tile_k in hl.tile(k):
            acc = hl.dot(x[tile_m, tile_k], y[tile_k, tile_n], acc=acc)
        out[tile_m, tile_n] = epilogue(acc, (tile_m, tile_n))
    return out


def _values(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Small integers: products and sums of them are exact in every dtype."""
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randint(-4, 5, shape, generator=generator).to(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 1, 1), (7, 13, 5), (16, 33, 31), (0, 4, 3), (3, 0, 2)])
@pytest.mark.parametrize("blocks", BLOCKS)
def test_matmul(dtype: torch.dtype, shape: tuple[int, int, int], blocks: BlockSizes) -> None:
    m, k, n = shape
    x, y = _values(m, k, dtype=dtype), _values(k, n, dtype=dtype)
    expected = (x.double() @ y.double()).to(dtype)
    result = run(matmul.fn, (x, y), block_sizes=blocks)
    torch.testing.assert_close(result.outputs, expected, rtol=0, atol=0)
    high = run(matmul.fn, (x, y), block_sizes=blocks, precision="high").outputs
    assert high.dtype is torch.float64
    torch.testing.assert_close(high, x.double() @ y.double(), rtol=0, atol=0)


def test_matmul_of_views() -> None:
    x = _values(13, 7).T
    y = _values(26, 10)[::2, 3:9]
    torch.testing.assert_close(matmul(x, y), x @ y)


def test_accumulator_holds_what_bfloat16_would_lose() -> None:
    x = torch.ones(1, 4096, dtype=torch.bfloat16)
    assert matmul(x, x.T).item() == 4096
    x[:] = 1 + 2**-7
    exact = x.double() @ x.double().T
    assert run(matmul.fn, (x, x.T), precision="high").outputs.item() == exact.item()
    assert matmul(x, x.T).item() == exact.to(torch.bfloat16).item()


@pytest.mark.parametrize("dtypes", list(itertools.product(DTYPES, DTYPES[1:3])))
@pytest.mark.parametrize(
    "shapes", [((5,), (5,)), ((7, 1), (1, 11)), ((3, 5, 2), (5, 1)), ((0, 4), (1,))]
)
def test_broadcasting_add(dtypes: tuple[torch.dtype, torch.dtype], shapes: Any) -> None:
    x, y = (_values(*shape, dtype=dtype) for shape, dtype in zip(shapes, dtypes, strict=True))
    for blocks in BLOCKS:
        result = run(add.fn, (x, y), block_sizes=blocks).outputs
        torch.testing.assert_close(result, x + y, rtol=0, atol=0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 1), (7, 13), (31, 257), (0, 4)])
def test_softmax_over_whole_rows(dtype: torch.dtype, shape: tuple[int, int]) -> None:
    x = _values(*shape, dtype=dtype)
    high = run(softmax.fn, (x,), precision="high").outputs
    torch.testing.assert_close(high, torch.softmax(x.double(), dim=1))
    # The kernel computes in float32, whatever it is given.
    native = run(softmax.fn, (x,), block_sizes=4).outputs
    expected = torch.softmax(x.float(), dim=1).to(dtype)
    torch.testing.assert_close(native, expected)


@pytest.mark.parametrize("blocks", BLOCKS)
def test_epilogue_that_captures_a_tensor(blocks: BlockSizes) -> None:
    x, y, bias = _values(7, 9), _values(9, 11), _values(11)

    def epilogue(acc: torch.Tensor, tiles: tuple[hl.Tile, hl.Tile]) -> torch.Tensor:
        return torch.relu(acc + bias[tiles[1]])

    expected = torch.relu(x @ y + bias)
    torch.testing.assert_close(
        run(matmul_epilogue.fn, (x, y, epilogue), block_sizes=blocks).outputs, expected
    )
    high = run(matmul_epilogue.fn, (x, y, epilogue), precision="high").outputs
    torch.testing.assert_close(high, expected.double())
    assert bias.dtype is torch.float32


def test_config_of_the_author_gives_the_block_sizes() -> None:
    seen: list[tuple[int, int]] = []

    @helion.kernel(ref_mode=True, config=helion.Config(block_sizes=[4, 2]))
    def kernel(x: torch.Tensor) -> torch.Tensor:
        for tile_m, tile_n in hl.tile(x.size()):
            seen.append((len(tile_m.index), len(tile_n.index)))
        return x

    kernel(torch.empty(6, 3))
    assert seen == [(4, 2), (4, 1), (2, 2), (2, 1)]
    bound = kernel.bind((torch.empty(6, 3),))
    seen.clear()
    bound.compile_config(helion.Config(block_sizes=[8, 8]))(torch.empty(6, 3))
    assert seen == [(6, 3)]
    assert bound.config_spec.default_config() == helion.Config()
    assert kernel.specialization_key((torch.empty(1, 1),)) == ()
