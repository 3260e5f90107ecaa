"""Products with their operands swapped, and whole numbers that become floats by their bits, as a GPU computes them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import helion
import helion.language as hl

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
from int4_gemm import int4_gemm, pack

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        not torch.cuda.is_available()
        or torch.version.hip is not None
        or torch.cuda.get_device_capability() != (9, 0),
        reason="Hopper's products alone take left factors from registers and right ones from shared memory",
    ),
]
TILES = [
    ([32, 128, 128], 4, 4),
    ([32, 128, 128], 8, 4),
    ([32, 256, 128], 8, 3),
    ([64, 128, 128], 8, 2),
    ([128, 16, 64], 4, 3),
    ([16, 64, 256], 16, 5),
]
"""Of half the depth, rows and columns; warps and stages."""


@helion.kernel()
def of_scaled_rows(x: torch.Tensor, y: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """A product whose left factor a turn computes."""
    m, k = x.size()
    _, n = y.size()
    out = torch.empty([m, n], dtype=torch.float32, device=x.device)
    for tile_m, tile_n in hl.tile([m, n]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(k):
            left = x[tile_m, tile_k].to(y.dtype) * scale[tile_k][None, :]
            acc = hl.dot(left, y[tile_k, tile_n], acc=acc)
        out[tile_m, tile_n] = acc
    return out


def whole(low: int, high: int, *shape: int) -> torch.Tensor:
    """Whole numbers, of which products and sums are exact."""
    torch.manual_seed(sum(shape))
    return torch.randint(low, high, shape, device="cuda")


@pytest.mark.parametrize(("blocks", "warps", "stages"), TILES)
@pytest.mark.parametrize("indexing", ["pointer", "tensor_descriptor"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_weights_of_four_bits(
    blocks: list[int], warps: int, stages: int, indexing: str, dtype: torch.dtype
) -> None:
    """Again and again: what overtakes something else does not do so each time."""
    for m, k, n in ((1024, 2048, 512), (130, 642, 272)):
        x, weight = whole(-4, 5, m, k).to(dtype), whole(-8, 8, k, n)
        config = helion.Config(
            block_sizes=blocks,
            num_warps=warps,
            num_stages=stages,
            swap_operands=[True],
            indexing={"packed@load": indexing},
        )
        exact = (x.double() @ weight.double()).to(dtype)
        run = helion.kernel(int4_gemm.fn, config=config)
        packed = pack(weight)
        assert "awaited(" in run.bind((x, packed)).to_triton_code(config)
        for _ in range(20):
            assert torch.equal(run(x, packed), exact)


@pytest.mark.parametrize("warps", [4, 8])
@pytest.mark.parametrize("stages", [2, 4])
def test_computed_left_factors(warps: int, stages: int) -> None:
    x, y = whole(-100, 100, 700, 912).to(torch.int8), whole(-3, 4, 912, 512).to(torch.bfloat16)
    scale = whole(1, 3, 912).to(torch.bfloat16)
    exact = (x.double() * scale.double()) @ y.double()
    for rows, columns in ((128, 128), (64 * warps // 4, 256)):
        described: Any = {"x@load": "tensor_descriptor", "y@load": "pointer"}
        config = helion.Config(
            block_sizes=[rows, columns, 64], num_warps=warps, num_stages=stages, indexing=described
        )
        run = helion.kernel(of_scaled_rows.fn, config=config)
        for _ in range(20):
            assert torch.equal(run(x, y, scale).double(), exact)
