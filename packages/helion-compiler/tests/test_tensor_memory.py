"""What a Blackwell multiprocessor has not enough tensor memory for is refused when it is compiled."""

from __future__ import annotations

import pytest
import torch

import helion
import helion.language as hl
from helion.exc import TritonError
from helion_compiler.building import parse_target


@helion.kernel()
def product(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    out = torch.empty([x.size(0), y.size(1)], dtype=x.dtype, device=x.device)
    for tile_m, tile_n in hl.tile(out.size()):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(x.size(1)):
            acc = torch.addmm(acc, x[tile_m, tile_k], y[tile_k, tile_n])
        out[tile_m, tile_n] = acc.to(x.dtype)
    return out


def test_unrolled_products_take_tensor_memory_each() -> None:
    """128 columns for one turn; Triton 3.6 and 3.7 take 768 for four."""
    x = torch.empty(512, 512, dtype=torch.bfloat16)
    bound = product.bind((x, x))._implementation.specialized
    target = parse_target("sm_100")
    once, unrolled = (
        helion.Config(block_sizes=[128, 128, 32], range_unroll_factors=[0, factor])
        for factor in (1, 4)
    )
    assert bound.build(once, target).image.binary
    with pytest.raises(TritonError, match=r"out of tensor memory: it needs \d+ columns"):
        bound.build(unrolled, target)
