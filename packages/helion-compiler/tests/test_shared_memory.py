"""The estimate of shared memory, beside what Triton allocates for sm_90; and what it must not exclude."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion
import helion.language as hl
from helion_compiler.building import parse_target
from helion_compiler.model import limits_of
from helion_compiler.space.point_lanes import PointLanes
from helion_compiler.space.shared_memory import SharedMemory
from helion_compiler.space.tile_counts import TileCounts

if TYPE_CHECKING:
    from helion_compiler.specialized_kernel import SpecializedKernel


@helion.kernel
def matmul(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    m, k = x.size()
    _, n = y.size()
    out = torch.empty([m, n], dtype=x.dtype, device=x.device)
    for tile_m, tile_n in hl.tile([m, n]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(k):
            acc = torch.addmm(acc, x[tile_m, tile_k], y[tile_k, tile_n])
        out[tile_m, tile_n] = acc
    return out


@helion.kernel
def attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(q)
    head = hl.specialize(q.size(1))
    for tile_m in hl.tile(q.size(0)):
        best = hl.full([tile_m], float("-inf"), dtype=torch.float32)
        total = hl.zeros([tile_m], dtype=torch.float32)
        acc = hl.zeros([tile_m, head], dtype=torch.float32)
        rows = q[tile_m, :]
        for tile_n in hl.tile(k.size(0)):
            scores = torch.matmul(rows, k[tile_n, :].T).to(torch.float32)
            higher = torch.maximum(best, scores.amax(-1))
            weights = torch.exp(scores - higher[:, None])
            scale = torch.exp(best - higher)
            total = total * scale + weights.sum(-1)
            acc = torch.addmm(acc * scale[:, None], weights.to(v.dtype), v[tile_n, :])
            best = higher
        out[tile_m, :] = (acc / total[:, None]).to(out.dtype)
    return out


@helion.kernel
def row_sums(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty([x.size(0)], dtype=x.dtype, device=x.device)
    for tile_m in hl.tile(x.size(0)):
        acc = hl.zeros([tile_m], dtype=torch.float32)
        for tile_n in hl.tile(x.size(1)):
            acc += x[tile_m, tile_n].sum(-1)
        out[tile_m] = acc
    return out


def specialized(kernel: Any, *shapes: tuple[int, int], dtype: Any) -> SpecializedKernel:
    found: SpecializedKernel = kernel.bind(
        tuple(torch.empty(shape, dtype=dtype) for shape in shapes)
    )._implementation.specialized
    return found


def violated(bound: SpecializedKernel, **config: Any) -> set[str]:
    return {one.name for one in bound.space.space.check(bound.point(helion.Config(**config)))}


def estimate(bound: SpecializedKernel, config: helion.Config) -> int:
    lanes = PointLanes(bound.program, {})
    memory = SharedMemory(bound.program, lanes, TileCounts(bound.program, lanes), ())
    return memory.bytes_at(bound.point(config))


TILES = {"block_sizes": [64, 64, 32], "num_warps": 4}
STAY = {"pid_type": "persistent_interleaved"}


@pytest.mark.parametrize(
    ("dtype", "config"),
    [
        (torch.float16, {"num_stages": 1}),
        (torch.float16, {"num_stages": 3}),
        (torch.float16, {"num_stages": 3, "range_unroll_factors": [0, 2]}),
        (torch.float16, {"num_stages": 2, "range_num_stages": [0, 4]}),
        (torch.float16, {"num_stages": 3, "indexing": "tensor_descriptor"}),
        (torch.float16, {"num_stages": 3, "indexing": "tensor_descriptor", **STAY}),
        (torch.float16, {"num_stages": 3, "range_unroll_factors": [2, 0], **STAY}),
        (torch.float16, {"num_stages": 3, "block_sizes": [32, 64, 32]}),
        (torch.float32, {"num_stages": 3}),
    ],
)
def test_products_take_what_is_estimated(dtype: Any, config: dict[str, Any]) -> None:
    bound = specialized(matmul, (512, 1024), (1024, 512), dtype=dtype)
    chosen = helion.Config(**{**TILES, **config})
    taken = bound.build(chosen, parse_target("sm_90")).image.entry.shared
    assert estimate(bound, chosen) == pytest.approx(taken, rel=0.03)


def test_a_loop_of_few_turns_is_part_of_the_loop_over_tiles() -> None:
    """Four turns that are unrolled, for two tiles at a time: eight products in one pipeline."""
    bound = specialized(matmul, (512, 128), (128, 512), dtype=torch.float16)
    chosen = helion.Config(
        **TILES, **STAY, num_stages=3, static_ranges=[True], range_unroll_factors=[2, 0]
    )
    taken = bound.build(chosen, parse_target("sm_90")).image.entry.shared
    limit = limits_of(90)
    assert limit is not None
    assert taken == pytest.approx(estimate(bound, chosen), rel=0.1)
    assert violated(bound, **{**dict(chosen), "num_stages": 6}) == {"shared memory"}


def test_loads_that_cannot_be_copied_beside_have_no_pipeline() -> None:
    """Rows of an odd number of halves: a thread copies two bytes at a time."""
    bound = specialized(matmul, (512, 257), (257, 513), dtype=torch.float16)
    chosen = helion.Config(**TILES, num_stages=4)
    taken = bound.build(chosen, parse_target("sm_90")).image.entry.shared
    assert estimate(bound, chosen) == pytest.approx(taken, rel=0.03)


@helion.kernel
def from_an_offset(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    m, n = x.size(0), y.size(1)
    out = torch.empty([m, n], dtype=x.dtype, device=x.device)
    step = hl.register_block_size(16, y.size(0))
    for tile_m, tile_n in hl.tile([m, n]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(y.size(0), block_size=step):
            begin = tile_k.begin * 2
            left = x[tile_m, begin : begin + step]
            acc = hl.dot(left, y[tile_k, tile_n], acc=acc)
        out[tile_m, tile_n] = acc
    return out


def test_computed_indices_may_lie_side_by_side() -> None:
    """Columns from twice the tile's first one on are copied beside the products, as tiles are."""
    shapes = [(512, 2048), (1024, 512)]
    bound = specialized(from_an_offset, *shapes, dtype=torch.float16)
    chosen = helion.Config(block_sizes=[32, 64, 64], num_warps=4, num_stages=4)
    taken = bound.build(chosen, parse_target("sm_90")).image.entry.shared
    assert estimate(bound, chosen) == pytest.approx(taken, rel=0.03)


def test_a_loop_without_products_has_a_pipeline_where_it_asks_for_one() -> None:
    bound = specialized(row_sums, (64, 4096), dtype=torch.float32)
    for own, taken in ((0, 0), (4, 3 * 16 * 256 * 4)):
        chosen = helion.Config(
            block_sizes=[16, 256], num_warps=4, num_stages=4, range_num_stages=[0, own]
        )
        assert estimate(bound, chosen) == taken
        shared = bound.build(chosen, parse_target("sm_90")).image.entry.shared
        assert taken <= shared <= taken + 1024


@pytest.mark.parametrize(
    "config",
    [
        {"num_stages": 3},
        {"num_stages": 4},
        {"num_stages": 4, "indexing": "tensor_descriptor"},
        {"num_stages": 4, **STAY},
        {
            "num_stages": 4,
            "indexing": "tensor_descriptor",
            "range_flattens": [True, None],
            "epilogue_subtile": 2,
            **STAY,
        },
    ],
)
def test_the_fastest_products_are_in(config: dict[str, Any]) -> None:
    bound = specialized(matmul, (4096, 4096), (4096, 4096), dtype=torch.bfloat16)
    assert violated(bound, block_sizes=[128, 256, 64], num_warps=8, **config) == set()


@pytest.mark.parametrize("stages", [2, 3])
def test_the_fastest_attention_is_in(stages: int) -> None:
    bound = specialized(attention, *3 * [(4096, 128)], dtype=torch.bfloat16)
    tiles = {"block_sizes": [128, 128], "num_warps": 8, "num_stages": stages}
    assert violated(bound, **tiles) == set()
    assert violated(bound, **tiles, indexing="tensor_descriptor") == set()


def test_limits_are_the_targets() -> None:
    known = {name: limits_of(name) for name in (80, 86, 90, 100, 120, "gfx942")}
    sizes = {name: limits and limits.shared_memory >> 10 for name, limits in known.items()}
    assert sizes == {80: 163, 86: 99, 90: 227, 100: 227, 120: 99, "gfx942": 64}
    assert limits_of(13) is None
