"""Estimates beside what an H200 took (torch 2.11, Triton 3.6, bfloat16; medians of ``do_bench``)."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch

import helion
import helion.language as hl
from helion_compiler.model import facts_of


@helion.kernel()
def matmul(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    m, k = x.size()
    n = y.size(1)
    out = torch.empty([m, n], dtype=x.dtype, device=x.device)
    for tile_m, tile_n in hl.tile([m, n]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(k):
            acc = torch.addmm(acc, x[tile_m, tile_k], y[tile_k, tile_n])
        out[tile_m, tile_n] = acc.to(x.dtype)
    return out


@helion.kernel()
def softmax(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        out[tile, :] = torch.softmax(x[tile, :].to(torch.float32), dim=1).to(x.dtype)
    return out


@helion.kernel()
def attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    heads, queries, depth = q.size()
    depth = hl.specialize(depth)
    out = torch.empty_like(q)
    for tile_b, tile_m in hl.tile([heads, queries]):
        largest = hl.full([tile_b, tile_m], float("-inf"), dtype=torch.float32)
        total = hl.zeros([tile_b, tile_m], dtype=torch.float32)
        acc = hl.zeros([tile_b, tile_m, depth], dtype=torch.float32)
        for tile_n in hl.tile(k.size(1)):
            scores = hl.dot(q[tile_b, tile_m, :], k[tile_b, tile_n, :].transpose(1, 2))
            grown = torch.maximum(largest, torch.amax(scores, dim=-1))
            weights = torch.exp2(scores - grown[:, :, None])
            shrink = torch.exp2(largest - grown)
            total = total * shrink + torch.sum(weights, dim=-1)
            acc = torch.baddbmm(acc * shrink[:, :, None], weights.to(v.dtype), v[tile_b, tile_n, :])
            largest = grown
        out[tile_b, tile_m, :] = acc / total[:, :, None]
    return out


@helion.kernel()
def jagged_sum(data: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
    columns = data.size(1)
    items = offsets.size(0) - 1
    out = torch.empty([items, columns], dtype=data.dtype, device=data.device)
    flat = data.view(-1)
    for tile_b, tile_m in hl.tile([items, columns]):
        begins, ends = offsets[tile_b], offsets[tile_b.index + 1]
        longest = (ends - begins).amax()
        acc = hl.zeros([tile_b, tile_m], dtype=torch.float32)
        for tile_k in hl.tile(longest):
            rows = begins[:, None] + tile_k.index[None, :]
            places = rows[:, :, None] * columns + tile_m.index[None, None, :]
            inside = tile_k.index[None, :] < (ends - begins)[:, None]
            acc += hl.load(flat, [places], extra_mask=inside[:, :, None]).sum(1)
        out[tile_b, tile_m] = acc.to(data.dtype)
    return out


def half(*shape: int) -> torch.Tensor:
    return torch.empty(shape, dtype=torch.bfloat16)


def space_of(kernel: Any, *arguments: torch.Tensor) -> Any:
    return kernel.bind(arguments).config_spec


def estimate(space: Any, **keys: Any) -> float:
    return float(space.model.seconds(space.point(helion.Config(**keys))) * 1e6)


MEASURED = {
    "matmul": (
        lambda: space_of(matmul, half(4096, 4096), half(4096, 4096)),
        {"block_sizes": [128, 256, 64], "l2_groupings": [8], "num_warps": 8, "num_stages": 3},
        204.1,
    ),
    "thin": (
        lambda: space_of(matmul, half(16, 8192), half(8192, 8192)),
        {"block_sizes": [16, 64, 128], "l2_groupings": [8], "num_warps": 4, "num_stages": 5},
        42.8,
    ),
    "thin, few programs": (
        lambda: space_of(matmul, half(16, 8192), half(8192, 8192)),
        {"block_sizes": [16, 128, 64], "l2_groupings": [8], "num_warps": 8, "num_stages": 4},
        55.6,
    ),
    "rows": (
        lambda: space_of(softmax, half(8192, 8192)),
        {"block_sizes": [1], "num_warps": 8},
        70.3,
    ),
    "attention": (
        lambda: space_of(attention, *[half(128, 4096, 128)] * 3),
        {"block_sizes": [1, 64, 64], "l2_groupings": [8], "num_warps": 4, "num_stages": 4},
        3110.0,
    ),
    "attention, few queries": (
        lambda: space_of(attention, *[half(128, 4096, 128)] * 3),
        {"block_sizes": [1, 16, 64], "l2_groupings": [8], "num_warps": 4, "num_stages": 4},
        9891.0,
    ),
}


def test_estimates_are_of_the_measured_size_and_order() -> None:
    pairs = {}
    for name, (space, keys, measured) in MEASURED.items():
        pairs[name] = estimate(space(), **keys), measured
        assert 0.5 < pairs[name][0] / measured < 2.0, (name, pairs[name])
    for one, other in itertools.combinations(pairs, 2):
        if pairs[one][1] > 1.25 * pairs[other][1]:
            assert pairs[one][0] > pairs[other][0], (one, other, pairs)


@pytest.mark.parametrize(
    ("space", "better", "worse"),
    [
        # Rows of the same items lie apart, the columns of one row side by side.
        (
            lambda: space_of(jagged_sum, half(500000, 128), torch.arange(2049)),
            {"block_sizes": [1, 64, 16], "num_warps": 4},
            {"block_sizes": [64, 1, 16], "num_warps": 4},
        ),
        # Rows that registers cannot hold are walked.
        (
            lambda: space_of(softmax, half(512, 262144)),
            {"block_sizes": [1], "reduction_loops": [4096], "num_warps": 16},
            {"block_sizes": [1], "reduction_loops": [32], "num_warps": 16},
        ),
        (
            lambda: space_of(matmul, half(4096, 4096), half(4096, 4096)),
            {"block_sizes": [128, 128, 64], "num_warps": 8, "num_stages": 4},
            {"block_sizes": [128, 128, 64], "num_warps": 8, "num_stages": 1},
        ),
    ],
)
def test_what_is_plainly_worse_costs_more(space: Any, better: Any, worse: Any) -> None:
    known = space()
    assert estimate(known, **better) * 1.2 < estimate(known, **worse)


def test_defaults_give_every_multiprocessor_work() -> None:
    space = space_of(matmul, half(16, 8192), half(8192, 8192))
    blocks = space.default_config()["block_sizes"]
    assert -(-8192 // blocks[1]) >= facts_of(90).multiprocessors * 0.9


def test_columns_of_a_jagged_tensor_come_first() -> None:
    blocks = space_of(jagged_sum, half(500000, 128), torch.arange(2049)).default_config()
    assert blocks["block_sizes"][1] >= 16


@pytest.mark.parametrize("architecture", [80, 86, 90, 100, 120, "gfx942", "gfx1100"])
def test_every_architecture_has_facts(architecture: int | str) -> None:
    facts = facts_of(architecture)
    assert facts.bandwidth > 1e12
    assert facts.products[2] > facts.products[4] > facts.operations
