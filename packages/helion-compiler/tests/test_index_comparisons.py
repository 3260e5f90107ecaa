"""Comparisons of two tiles' indices: the same result as in torch, written so that LLVM keeps them in 32 bits."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion
import helion.language as hl

if TYPE_CHECKING:
    from collections.abc import Callable

SIGNS = [operator.ge, operator.gt, operator.le, operator.lt]
BLOCKS = [(16, 16), (8, 32), (32, 4)]


def compared(x: torch.Tensor, sign: Callable[[Any, Any], Any]) -> torch.Tensor:
    rows, columns = x.size()
    out = torch.empty_like(x)
    for tile_m in hl.tile(rows):
        for tile_n in hl.tile(columns):
            kept = sign(tile_m.index[:, None], tile_n.index[None, :])
            out[tile_m, tile_n] = torch.where(kept, x[tile_m, tile_n], 0.0)
    return out


def columns_first(x: torch.Tensor, sign: Callable[[Any, Any], Any]) -> torch.Tensor:
    rows, columns = x.size()
    out = torch.empty_like(x)
    for tile_m in hl.tile(rows):
        for tile_n in hl.tile(columns):
            kept = sign(tile_n.index[None, :], tile_m.index[:, None])
            out[tile_m, tile_n] = torch.where(kept, x[tile_m, tile_n], 0.0)
    return out


def bounded(x: torch.Tensor, ends: torch.Tensor, sign: Callable[[Any, Any], Any]) -> torch.Tensor:
    out = torch.zeros_like(x)
    for tile_m in hl.tile(x.size(0)):
        for tile_n in hl.tile(0, ends[0]):
            kept = sign(tile_m.index[:, None], tile_n.index[None, :])
            out[tile_m, tile_n] = torch.where(kept, x[tile_m, tile_n], 0.0)
    return out


def source(kernel: Any, blocks: tuple[int, int], *args: Any) -> str:
    text: str = kernel.bind(args).to_triton_code(helion.Config(block_sizes=blocks))
    return text


def indices(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    rows, columns = x.size()
    return torch.arange(rows)[:, None], torch.arange(columns)[None, :]


@pytest.mark.parametrize("blocks", BLOCKS)
@pytest.mark.parametrize("sign", SIGNS)
def test_every_lane_is_compared_as_in_torch(
    sign: Callable[[Any, Any], Any], blocks: tuple[int, int]
) -> None:
    x = torch.randn(77, 90)
    m, n = indices(x)
    config = helion.Config(block_sizes=blocks)
    kernel = helion.kernel(compared, config=config)
    assert "tile_m_behind" in source(kernel, blocks, x, sign)
    torch.testing.assert_close(kernel(x, sign), torch.where(sign(m, n), x, 0.0))
    other = helion.kernel(columns_first, config=config)
    assert "tile_m_behind" in source(other, blocks, x, sign)
    torch.testing.assert_close(other(x, sign), torch.where(sign(n, m), x, 0.0))


@pytest.mark.parametrize("sign", SIGNS)
def test_bounds_that_memory_holds_are_counted_in_64_bits(sign: Callable[[Any, Any], Any]) -> None:
    x, ends = torch.randn(77, 90), torch.tensor([83])
    m, n = indices(x)
    kernel = helion.kernel(bounded, config=helion.Config(block_sizes=[16, 8]))
    assert "tile_m_behind" in source(kernel, (16, 8), x, ends, sign)
    expected = torch.where(sign(m, n) & (n < 83), x, 0.0)
    torch.testing.assert_close(kernel(x, ends, sign), expected)


def test_indices_that_are_no_longer_a_tiles_own_are_compared_as_they_are() -> None:
    def shifted(x: torch.Tensor) -> torch.Tensor:
        rows, columns = x.size()
        out = torch.empty_like(x)
        for tile_m in hl.tile(rows):
            for tile_n in hl.tile(columns):
                kept = tile_m.index[:, None] - 3 >= tile_n.index[None, :]
                out[tile_m, tile_n] = torch.where(kept, x[tile_m, tile_n], 0.0)
        return out

    x = torch.randn(40, 40)
    kernel = helion.kernel(shifted, config=helion.Config(block_sizes=[16, 8]))
    assert "behind" not in source(kernel, (16, 8), x)
    torch.testing.assert_close(kernel(x), torch.tril(x, -3))


def test_one_lane_and_the_same_tile_twice_are_compared_as_they_are() -> None:
    def square(x: torch.Tensor) -> torch.Tensor:
        (rows,) = x.size()
        out = x.new_empty(rows)
        for tile in hl.tile(rows):
            later = tile.index[:, None] > tile.index[None, :]
            out[tile] = torch.where(later, x[tile][None, :], 0.0).sum(1)
        return out

    x = torch.arange(1.0, 33.0)
    kernel = helion.kernel(square, config=helion.Config(block_sizes=[8]))
    expected = torch.cat([torch.cumsum(part, 0) - part for part in x.split(8)])
    torch.testing.assert_close(kernel(x), expected)
    narrow = helion.kernel(compared, config=helion.Config(block_sizes=[1, 16]))
    y = torch.randn(9, 20)
    assert "behind" not in source(narrow, (1, 16), y, operator.ge)
    torch.testing.assert_close(narrow(y, operator.ge), torch.tril(y))


def summed(x: torch.Tensor, ends: torch.Tensor, sign: Callable[[Any, Any], Any]) -> torch.Tensor:
    """Padding of ``x + 1`` is 1, and has to be left out of the sums."""
    out = torch.empty([x.size(0)], device=x.device)
    for tile_m in hl.tile(x.size(0)):
        acc = hl.zeros([tile_m], dtype=torch.float32)
        for tile_n in hl.tile(0, ends[0]):
            kept = sign(tile_m.index[:, None], tile_n.index[None, :])
            acc += torch.where(kept, x[tile_m, tile_n] + 1, 0.0).sum(-1)
        out[tile_m] = acc
    return out


def multiplied(
    x: torch.Tensor, y: torch.Tensor, ends: torch.Tensor, sign: Callable[[Any, Any], Any]
) -> torch.Tensor:
    out = torch.empty([x.size(0), y.size(1)], device=x.device)
    for tile_m, tile_k in hl.tile([x.size(0), y.size(1)]):
        acc = hl.zeros([tile_m, tile_k], dtype=torch.float32)
        for tile_n in hl.tile(0, ends[0]):
            kept = sign(tile_m.index[:, None], tile_n.index[None, :])
            weights = torch.where(kept, torch.exp(x[tile_m, tile_n]), 0.0)
            acc = hl.dot(weights.to(y.dtype), y[tile_n, tile_k], acc=acc)
        out[tile_m, tile_k] = acc
    return out


@pytest.mark.parametrize("end", [1, 16, 83, 90])
@pytest.mark.parametrize("sign", SIGNS)
def test_a_choice_that_padding_does_not_have_is_one_comparison_where_rows_can_end(
    sign: Callable[[Any, Any], Any], end: int
) -> None:
    x, ends = torch.randn(77, 90), torch.tensor([end])
    m, n = indices(x)
    kernel = helion.kernel(summed, config=helion.Config(block_sizes=[16, 8]))
    text = source(kernel, (16, 8), x, ends, sign)
    one = sign in (operator.ge, operator.gt)
    assert ("tile_n_left" in text) == one
    assert text.count("tl.where(") == (1 if one else 2)
    expected = torch.where(sign(m, n) & (n < end), x + 1, 0.0).sum(1)
    torch.testing.assert_close(kernel(x, ends, sign), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("sign", SIGNS)
def test_a_choice_that_is_rounded_is_made_by_floats(sign: Callable[[Any, Any], Any]) -> None:
    x, y, ends = torch.randn(77, 90), torch.randn(90, 20).to(torch.bfloat16), torch.tensor([83])
    m, n = indices(x)
    kernel = helion.kernel(multiplied, config=helion.Config(block_sizes=[16, 16, 16]))
    assert ".to(tl.float32)[:, None] " in kernel.bind((x, y, ends, sign)).to_triton_code(
        helion.Config(block_sizes=[16, 16, 16])
    )
    weights = torch.where(sign(m, n) & (n < 83), x.exp(), 0.0).to(torch.bfloat16).float()
    torch.testing.assert_close(kernel(x, y, ends, sign), weights @ y.float(), atol=1e-3, rtol=1e-3)


def halved(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        value = x[tile] + 2
        while torch.any(value > 1):
            value = torch.where(value > 1, value / 2, value)
        out[tile] = value
    return out


def test_the_condition_of_a_while_is_masked_before_it_and_in_every_turn() -> None:
    x = torch.rand(37) * 1000
    kernel = helion.kernel(halved, config=helion.Config(block_sizes=[16]))
    text = kernel.bind((x,)).to_triton_code()
    before, _, turn = text.partition("while again")
    assert before.count("tl.where(tile_mask") == turn.count("tl.where(tile_mask") == 1
    torch.testing.assert_close(kernel(x), (x + 2) / 2.0 ** (x + 2).log2().ceil())
