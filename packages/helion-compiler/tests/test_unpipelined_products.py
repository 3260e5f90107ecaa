"""Configs of products that Triton gets wrong are refused, and others near them are not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion
import helion.language as hl
from helion.exc import InvalidConfig

if TYPE_CHECKING:
    from types import ModuleType


UNPIPELINED: list[dict[str, Any]] = [
    {"static_ranges": [True]},
    {"range_num_stages": [0, 1]},
    {"num_stages": 1},
]


UNROLLED: dict[str, Any] = {"range_unroll_factors": [0, 3]}
"""All turns at once, of 72 columns and 32 of them a turn."""


@pytest.mark.parametrize("unpipelined", [*UNPIPELINED, UNROLLED])
def test_warp_groups_share_no_rows_of_a_product_that_is_not_pipelined(
    config_kernels: ModuleType, unpipelined: dict[str, Any]
) -> None:
    bound = config_kernels.CASES["matmul"].bind()
    for rows, warps, fits in ((64, 4, True), (64, 8, False), (128, 8, True), (128, 16, False)):
        config = helion.Config(block_sizes=[rows, 64, 32], num_warps=warps, **unpipelined)
        if fits:
            bound.to_triton_code(config)
        else:
            with pytest.raises(InvalidConfig, match="more groups of 4 warps than of 64 rows"):
                bound.to_triton_code(config)
            bound.to_triton_code(helion.Config(block_sizes=[rows, 64, 32], num_warps=warps))


@helion.kernel()
def scaled_product(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    rows, _ = x.size()
    depth, columns = y.size()
    out = torch.empty([rows, columns], dtype=torch.float32, device=x.device)
    for tile_m, tile_n in hl.tile([rows, columns]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(depth):
            right = y[tile_k, tile_n].to(x.dtype)
            acc = torch.addmm(acc, x[tile_m, tile_k], right)
            acc = torch.addmm(acc, x[tile_m, tile_k], right * 2)
        out[tile_m, tile_n] = acc
    return out


def test_nor_of_products_that_feed_each_other_and_multiply_by_what_is_computed() -> None:
    x, y = torch.randn(128, 128).half(), torch.ones(128, 128, dtype=torch.int8)
    bound = scaled_product.bind((x, y))
    for rows, warps, fits in ((128, 8, True), (64, 8, False)):
        config = helion.Config(block_sizes=[rows, 64, 32], num_warps=warps)
        if fits:
            bound.to_triton_code(config)
        else:
            with pytest.raises(InvalidConfig, match="multiply by what is computed"):
                bound.to_triton_code(config)


@pytest.mark.parametrize("unpipelined", [{}, *UNPIPELINED])
def test_operands_come_in_one_way_where_they_are_not_pipelined(
    config_kernels: ModuleType, unpipelined: dict[str, Any]
) -> None:
    bound = config_kernels.CASES["matmul"].bind()
    ways = "pointer", "tensor_descriptor"
    for left, right in ((a, b) for a in ways for b in ways):
        indexing = {"x@load": left, "y@load": right}
        config = helion.Config(block_sizes=[64, 64, 32], indexing=indexing, **unpipelined)
        if left == right or not unpipelined:
            bound.to_triton_code(config)
        else:
            with pytest.raises(InvalidConfig, match="fences shared memory too late"):
                bound.to_triton_code(config)
