"""Grids walk tiles that read the same one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion
import helion.language as hl
from helion_compiler.space.sharing import sharing_orders

if TYPE_CHECKING:
    from types import ModuleType

CACHE = 50 << 20


@helion.kernel()
def weights(q: torch.Tensor, k: torch.Tensor, offsets: torch.Tensor, most: int) -> torch.Tensor:
    """Sums of squared scores of items one behind the other; ``k`` is found by numbers read from memory."""
    _, heads, depth = q.size()
    depth = hl.specialize(depth)
    out = torch.empty(q.size()[:2], dtype=torch.float32, device=q.device)
    for item, head, tile_q in hl.tile([offsets.size(0) - 1, heads, most], block_size=[1, 1, None]):
        begin = offsets[item.begin]
        length = offsets[item.begin + 1] - begin
        inside = tile_q.index < length
        query = hl.load(
            q, [begin + tile_q.index, head.begin, slice(None)], extra_mask=inside[:, None]
        )
        acc = hl.zeros([tile_q], dtype=torch.float32)
        for tile_k in hl.tile(torch.clamp(length, max=tile_q.end)):
            scores = hl.dot(query, k[begin + tile_k.index, head.begin, :].T)
            acc = acc + (scores * scores).sum(-1)
        hl.store(out, [begin + tile_q.index, head.begin], acc, extra_mask=inside)
    return out


@helion.kernel()
def in_planes(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Products of batches and rows only: the first two axes share."""
    batch, m, k = x.size()
    k, n = hl.specialize((k, y.size(2)))
    out = torch.empty([batch, m, n], dtype=x.dtype, device=x.device)
    for tile_b, tile_m in hl.tile([batch, m], block_size=[1, None]):
        acc = hl.zeros([tile_m, n], dtype=torch.float32)
        for tile_k in hl.tile(k):
            acc = torch.addmm(acc, x[tile_b.begin, tile_m, tile_k], y[tile_b.begin, tile_k, :])
        out[tile_b.begin, tile_m, :] = acc
    return out


def half(*shape: int) -> torch.Tensor:
    return torch.empty(shape, dtype=torch.bfloat16)


def ragged(items: int, heads: int, most: int) -> tuple[Any, ...]:
    q = half(items * most // 2, heads, 128)
    return q, torch.empty_like(q), torch.arange(items + 1) * (most // 2), most


def orders(kernel: Any, *arguments: Any, cache: int = CACHE) -> dict[str, Any]:
    program = kernel.bind(arguments)._implementation.specialized.program
    return sharing_orders(program, cache)


def test_two_axes_that_share_come_first(epilogue_kernels: ModuleType) -> None:
    """Each of the rows of a matrix is read with all columns, and none of another matrix's."""
    found = orders(epilogue_kernels.batched, half(16, 256, 256), half(16, 256, 256))
    assert found == {"loop_orders[grid]": (1, 2, 0)}


@pytest.mark.parametrize(("items", "heads", "order"), [(128, 4, (0, 2, 1)), (4, 128, (1, 2, 0))])
def test_one_axis_that_shares_is_second(items: int, heads: int, order: tuple[int, ...]) -> None:
    """Behind the longer one of those that share nothing; where a loop ends does not decide what it reads."""
    assert orders(weights, *ragged(items, heads, 1024))["loop_orders[grid]"] == order


def test_groups_are_made_of_what_does_not_fit_the_cache() -> None:
    arguments = ragged(128, 4, 1024)  # 16.8 MB of keys of each head
    assert orders(weights, *arguments)["l2_groupings[grid]"] == 1
    assert "l2_groupings[grid]" not in orders(weights, *arguments, cache=20 << 20)


def test_nothing_is_said_where_the_first_two_axes_share() -> None:
    assert orders(in_planes, half(16, 256, 64), half(16, 64, 64)) == {}


def test_untuned_configs_have_the_order(epilogue_kernels: ModuleType) -> None:
    bound = epilogue_kernels.batched.bind((half(16, 256, 256), half(16, 256, 256)))
    assert bound.config_spec.default_config()["loop_orders"] == ((1, 2, 0),)


def test_the_order_computes_the_same(epilogue_kernels: ModuleType) -> None:
    x, y = torch.randn(3, 20, 17), torch.randn(3, 17, 18)
    torch.testing.assert_close(epilogue_kernels.batched(x, y), x @ y, rtol=1e-4, atol=1e-4)
