"""Estimates beside what an H200 took (torch 2.11, Triton 3.6, bfloat16; medians of ``do_bench``)."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch

import helion
import helion.language as hl
from helion_compiler.model import facts_of
from helion_compiler.model.collecting import work_of


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
def layer_norm(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        row = x[tile, :].to(torch.float32)
        apart = row - row.mean(dim=1, keepdim=True)
        spread = torch.rsqrt((apart * apart).mean(dim=1, keepdim=True) + 1e-5)
        out[tile, :] = apart * spread * weight[:] + bias[:]
    return out


@helion.kernel()
def scaled_rows(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        out[tile, :] = (x[tile, :] * 2.0) * weight[:]
    return out


@helion.kernel()
def halves(x: torch.Tensor, packed: torch.Tensor) -> torch.Tensor:
    m, k = x.size()
    n = packed.size(1)
    out = torch.empty([m, n], dtype=x.dtype, device=x.device)
    pairs = x.view(m, k // 2, 2)
    for tile_m, tile_n in hl.tile([m, n]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(k // 2):
            low = (packed[tile_k, tile_n] << 4) >> 4
            acc = hl.dot(pairs[tile_m, tile_k, 0], low.to(x.dtype), acc=acc)
        out[tile_m, tile_n] = acc
    return out


@helion.kernel()
def rows_of_a_batch(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    batch, m, k = x.size()
    n = y.size(1)
    out = torch.empty([batch, m, n], dtype=x.dtype, device=x.device)
    for tile_b, tile_m, tile_n in hl.tile([batch, m, n]):
        acc = hl.zeros([tile_b, tile_m, tile_n], dtype=torch.float32).flatten(0, 1)
        for tile_k in hl.tile(k):
            rows = x[tile_b, tile_m, tile_k].flatten(0, 1)
            acc = torch.addmm(acc, rows, y[tile_k, tile_n])
        out[tile_b, tile_m, tile_n] = acc.view(tile_b, tile_m, tile_n)
    return out


@helion.kernel()
def products_added(x: torch.Tensor, y: torch.Tensor, sums: torch.dtype) -> torch.Tensor:
    m, k = x.size()
    n = y.size(1)
    out = torch.empty([m, n], dtype=x.dtype, device=x.device)
    for tile_m, tile_n in hl.tile([m, n]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(k):
            acc += torch.mm(x[tile_m, tile_k], y[tile_k, tile_n], out_dtype=sums)
        out[tile_m, tile_n] = acc
    return out


@helion.kernel()
def sum_columns(x: torch.Tensor) -> torch.Tensor:
    rows, columns = x.size()
    columns = hl.specialize(columns)
    block = hl.register_block_size(rows)
    parts = torch.empty([helion.cdiv(rows, block), columns], device=x.device)
    for program in hl.tile(rows, block_size=block):
        total = hl.zeros([columns], dtype=torch.float32)
        for tile in hl.tile(program.begin, program.end):
            total += x[tile, :].to(torch.float32).sum(0)
        parts[program.id, :] = total
    return parts.sum(0)


def half(*shape: int) -> torch.Tensor:
    return torch.empty(shape, dtype=torch.bfloat16)


def space_of(kernel: Any, *arguments: torch.Tensor) -> Any:
    return kernel.bind(arguments).config_spec


def estimate(space: Any, **keys: Any) -> float:
    return float(space.model.seconds(space.point(helion.Config(**keys))) * 1e6)


def terms(space: Any, **keys: Any) -> dict[str, float]:
    found: dict[str, float] = space.model.terms(space.point(helion.Config(**keys)))
    return found


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


def test_deeper_pipelines_shorten_turns_that_wait_for_memory() -> None:
    """64×4096×14336: 71.1, 52.7, 46.7, 43.9 and 42.9 µs with three to seven stages (two recorded sweeps)."""
    space = space_of(matmul, half(64, 14336), half(14336, 4096))
    keys = {"block_sizes": [64, 64, 128], "num_warps": 4}
    waits = [terms(space, num_stages=stages, **keys)["alone"] for stages in range(3, 8)]
    assert waits == sorted(waits, reverse=True)
    assert waits[0] > 1.5 * waits[-1]
    assert space.default_config()["num_stages"] > 4


def test_long_rows_want_a_multiprocessor_to_themselves() -> None:
    """2048 rows of 65536: 167, 195 and 297 µs (a recorded sweep)."""
    keys: list[dict[str, Any]] = [
        {"reduction_loops": [32768], "num_warps": 32},
        {"reduction_loops": [8192], "num_warps": 16},
        {"block_sizes": [4], "reduction_loops": [1024], "num_warps": 4, "num_stages": 7},
    ]
    row = half(65536)
    space = space_of(layer_norm, half(2048, 65536), row, row)
    estimates = [estimate(space, **{"block_sizes": [1], **one}) for one in keys]
    assert estimates == sorted(estimates)
    assert space.default_config()["num_warps"] == 32


def test_rows_that_are_read_again_come_from_the_nearest_cache_that_holds_them() -> None:
    """Of 128 KiB a row: one stays with its multiprocessor, two of each do not, four of each leave the L2 as well."""
    row = half(65536)
    space = space_of(layer_norm, half(2048, 65536), row, row)
    one, two, four = (
        terms(space, block_sizes=[1], reduction_loops=[step], num_warps=warps)
        for step, warps in ((32768, 32), (8192, 16), (4096, 16))
    )
    assert one["cache"] < two["cache"]
    assert one["memory"] < two["memory"] < four["memory"]
    assert one["memory"] == pytest.approx(2 * 2048 * 65536 * 2 / facts_of(90).bandwidth, rel=0.01)


def test_programs_that_stay_share_a_multiprocessor_only_where_told_to() -> None:
    space = space_of(softmax, half(8192, 8192))
    keys = {"block_sizes": [1], "num_warps": 4, "pid_type": "persistent_interleaved"}
    one, four, flat = (
        estimate(space, **{**keys, **more})
        for more in ({}, {"num_sm_multiplier": 4}, {"pid_type": "flat"})
    )
    assert one > 1.5 * flat
    assert one > 1.5 * four


def test_neighbours_that_lie_apart_fill_the_sectors_between_them() -> None:
    """Every other element: each sector is read for half of it, not once for each element."""
    spread = space_of(halves, half(16, 8192), half(4096, 8192).to(torch.int8))
    dense = space_of(matmul, half(16, 8192), half(8192, 8192))
    keys = {"block_sizes": [16, 64, 128], "num_warps": 4, "num_stages": 4}
    assert terms(spread, **keys)["cache"] < terms(dense, **keys)["cache"]


def test_partial_sums_are_as_many_as_programs() -> None:
    space = space_of(sum_columns, half(8192, 4096))
    few, many = (terms(space, block_sizes=[rows, 1], num_warps=8)["memory"] for rows in (32, 4))
    parts = 4096 * 4 * (8192 / 4 - 8192 / 32)
    assert many - few == pytest.approx(parts / facts_of(90).bandwidth, rel=0.01)


def test_computed_right_factors_pass_shared_memory() -> None:
    spread = space_of(halves, half(16, 8192), half(4096, 8192).to(torch.int8))
    few, many = (
        terms(spread, block_sizes=[16, 64, depth], num_warps=4, num_stages=4)["alone"]
        for depth in (128, 32)
    )
    assert many > 2 * few  # computing takes as long in both


def test_rows_of_one_matrix_stay_in_shared_memory() -> None:
    """Those of several are brought together in registers, and the product waits."""
    space = space_of(rows_of_a_batch, half(16, 1024, 1024), half(1024, 1024))
    one, several = (
        terms(space, block_sizes=[batch, 128 // batch, 128, 64], num_warps=8, num_stages=4)
        for batch in (1, 8)
    )
    assert one["alone"] < 0.8 * several["alone"]
    assert one["memory"] == several["memory"]


def test_products_that_are_rounded_are_summed_in_registers_of_their_own() -> None:
    """What is added as it was summed is summed there at once, as Triton does it."""
    keys: dict[str, Any] = {"block_sizes": [128, 128, 64], "num_warps": 8, "num_stages": 3}
    factors = half(4096, 4096), half(4096, 4096)
    together = space_of(matmul, *factors)
    added, rounded = (
        space_of(products_added, *factors, dtype) for dtype in (torch.float32, torch.bfloat16)
    )
    (least,), (same,), (more,) = (
        space.model.registers(space.point(helion.Config(**keys)))
        for space in (together, added, rounded)
    )
    assert same == least
    assert more == least + 128 * 128 / (8 * 32)
    assert terms(added, **keys)["alone"] < 0.8 * terms(rounded, **keys)["alone"]


@helion.kernel()
def two_products(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    m, k = x.size()
    n = y.size(1)
    out = torch.empty([m, n], dtype=torch.float32, device=x.device)
    for tile_m, tile_n in hl.tile([m, n]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(k):
            factors = x[tile_m, tile_k], y[tile_k, tile_n]
            acc = acc * 2 + (torch.mm(*factors, out_dtype=torch.float32) + hl.dot(*factors))
        out[tile_m, tile_n] = acc
    return out


def test_one_of_two_products_is_made_on_top_of_the_other() -> None:
    keys: dict[str, Any] = {"block_sizes": [128, 128, 64], "num_warps": 8, "num_stages": 3}
    factors = half(4096, 4096), half(4096, 4096)
    spaces = space_of(matmul, *factors), space_of(two_products, *factors)
    (one,), (two,) = (space.model.registers(space.point(helion.Config(**keys))) for space in spaces)
    assert two == one + 128 * 128 / (8 * 32)  # besides what is carried


@pytest.mark.parametrize(
    ("blocks", "warps", "counted"),
    [
        ([1, 64, 32], 4, 122),
        ([1, 64, 64], 4, 150),
        ([1, 128, 64], 8, 152),
        ([1, 128, 128], 8, 198),
        ([1, 128, 32], 4, 238),
    ],
)
def test_what_becomes_of_scores_is_held_beside_them(
    blocks: list[int], warps: int, counted: int
) -> None:
    """Registers of attention over 4x32x4096x128, counted by ptxas for sm_90 (Triton 3.6)."""
    space = space_of(attention, *[half(128, 4096, 128)] * 3)
    point = space.point(helion.Config(block_sizes=blocks, num_warps=warps, num_stages=3))
    (registers,) = space.model.registers(point)
    assert registers == pytest.approx(counted, rel=0.07)


def test_warps_that_share_rows_of_a_product_hand_on_what_they_reduce() -> None:
    """A warp has 16 rows: of 32, four warps wait for each other at every maximum and sum, two or one do not."""
    space = space_of(attention, *[half(128, 4096, 128)] * 3)

    def grows(rows: int, name: str) -> bool:
        few, many = (
            terms(space, block_sizes=[1, rows, 32], num_warps=warps, num_stages=2)[name]
            for warps in (2, 4)
        )
        return many > few

    assert grows(32, "computed")
    assert grows(32, "alone")
    assert not grows(64, "computed")
    assert not grows(64, "alone")


@helion.kernel()
def attention_of_bytes(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Values lie along their depth, and their products sum over keys."""
    heads, queries, depth = q.size()
    depth = hl.specialize(depth)
    out = torch.empty([heads, queries, depth], dtype=torch.float32, device=q.device)
    for tile_h, tile_m in hl.tile([heads, queries], block_size=[1, None]):
        head = tile_h.begin
        largest = hl.full([tile_m], float("-inf"), dtype=torch.float32)
        total = hl.zeros([tile_m], dtype=torch.float32)
        acc = hl.zeros([tile_m, depth], dtype=torch.float32)
        for tile_n in hl.tile(k.size(1)):
            scores = hl.dot(q[head, tile_m, :], k[head, tile_n, :].T)
            grown = torch.maximum(largest, scores.amax(dim=-1))
            weights = torch.exp2(scores - grown[:, None])
            shrink = torch.exp2(largest - grown)
            total = total * shrink + weights.sum(dim=-1)
            acc = hl.dot(weights.to(v.dtype), v[head, tile_n, :], acc=acc * shrink[:, None])
            largest = grown
        out[head, tile_m, :] = acc / total[:, None]
    return out


def of_bytes() -> Any:
    return space_of(attention_of_bytes, *[torch.empty(64, 2048, 64).to(torch.float8_e4m3fn)] * 3)


@pytest.mark.parametrize(
    ("blocks", "counted"),
    [([64, 64], 94), ([64, 128], 127), ([128, 32], 140), ([128, 64], 166), ([128, 128], 237)],
)
def test_weights_of_a_byte_take_half_the_room_of_two(blocks: list[int], counted: int) -> None:
    """Registers of attention over 64x2048x64 float8, four warps, counted by ptxas for sm_90 (Triton 3.6)."""
    space = of_bytes()
    point = space.point(helion.Config(block_sizes=blocks, num_warps=4, num_stages=4))
    (registers,) = space.model.registers(point)
    assert registers == pytest.approx(counted, rel=0.07)


def test_bytes_that_lie_across_what_is_summed_are_turned() -> None:
    """Each tile turns all values, so that taller tiles turn fewer: µs of an H200."""
    space = of_bytes()
    measured = {(64, 64): 274.0, (64, 128): 248.0, (128, 64): 214.0, (128, 128): 196.0}
    found = {
        blocks: estimate(space, block_sizes=list(blocks), num_warps=4, num_stages=4)
        for blocks in measured
    }
    assert found == pytest.approx(measured, rel=0.4)
    assert all(found[128, keys] < found[64, keys] for keys in (64, 128))


exact = helion.kernel(dot_precision="ieee")(matmul.fn)


@pytest.mark.parametrize(
    ("blocks", "warps", "stages", "measured"),
    [
        ([64, 64, 32], 4, 3, 57.5),
        ([32, 64, 32], 4, 4, 65.1),
        ([128, 128, 32], 8, 3, 104.0),
        ([128, 128, 32], 16, 3, 107.0),
        ([128, 256, 32], 16, 4, 225.0),
    ],
)
def test_lanes_multiply_what_matrix_units_cannot(
    blocks: list[int], warps: int, stages: int, measured: float
) -> None:
    """Float32 1024x1024x1024 in IEEE precision on an H200, µs; in tf32 it takes a sixth."""
    x = torch.empty(1024, 1024)
    keys = {"block_sizes": blocks, "num_warps": warps, "num_stages": stages}
    assert estimate(space_of(exact, x, x), **keys) == pytest.approx(measured, rel=0.3)
    assert estimate(space_of(matmul, x, x), **keys) < 0.6 * measured


@pytest.mark.parametrize("size", [1024, 2048, 4096])
def test_products_of_lanes_run_untuned_in_small_programs(size: int) -> None:
    """On every multiprocessor, and several on each: 2048x2048x2048 took 384 and 392 µs so, 462 in one that stays."""
    x = torch.empty(size, size)
    config = space_of(exact, x, x).default_config()
    rows, columns, _ = config["block_sizes"]
    assert (size // rows) * (size // columns) >= 132
    assert 16 <= rows * columns // (32 * config["num_warps"]) <= 64
    assert config["pid_type"] == "flat"


def test_loops_have_stages_of_their_own() -> None:
    """What they take of shared memory, and how far ahead they load, is not what other loops are told."""
    space = space_of(matmul, half(4096, 4096), half(4096, 4096))
    keys: dict[str, Any] = {"block_sizes": [128, 128, 64], "num_warps": 8}
    own = estimate(space, **keys, num_stages=8, range_num_stages=[0, 3])
    assert own == estimate(space, **keys, num_stages=3)
    assert own < estimate(space, **keys, num_stages=8)


@pytest.mark.parametrize("columns", [2048, 2047])
def test_vectors_are_repeated_however_they_are_padded(columns: int) -> None:
    arguments = torch.empty(4096, columns), torch.empty(columns)
    (work,) = work_of(scaled_rows.bind(arguments)._implementation.specialized.program)
    (repeated,) = (one.repeated for one in work.held if one.repeated is not None)
    assert len(repeated.sizes) == len(repeated.along) == 1


@pytest.mark.parametrize("rows", [1, 2, 4])
def test_lanes_wait_for_a_vector_that_several_rows_share(rows: int) -> None:
    """Of float32 rows that are loaded, doubled and stored, three quarters are in registers at once."""
    space = space_of(scaled_rows, torch.empty(4096, 2048), torch.empty(2048))
    (registers,) = space.model.registers(
        space.point(helion.Config(block_sizes=[rows], num_warps=4))
    )
    lanes = 2048 // 128
    expected = 0.75 * (lanes + lanes) if rows == 1 else lanes * rows + lanes
    assert registers == pytest.approx(14 + expected, abs=2)


def test_what_registers_lack_passes_the_cache() -> None:
    space = space_of(products_added, half(4096, 4096), half(4096, 4096), torch.bfloat16)
    keys: dict[str, Any] = {"block_sizes": [128, 128, 64], "num_stages": 3}
    few, many = (terms(space, **keys, num_warps=warps)["cache"] for warps in (4, 8))
    (registers,) = space.model.registers(space.point(helion.Config(**keys, num_warps=4)))
    turns = 4096 // 64 * (4096 // 128) ** 2
    moved = 2 * 4 * (registers - 255) * 4 * 32 * turns
    assert few - many == pytest.approx(moved / facts_of(90).cache_bandwidth, rel=0.01)


def test_defaults_give_every_multiprocessor_work() -> None:
    space = space_of(matmul, half(16, 8192), half(8192, 8192))
    blocks = space.default_config()["block_sizes"]
    assert -(-8192 // blocks[1]) >= facts_of(90).multiprocessors * 0.9


@pytest.mark.parametrize("architecture", [80, 86, 90, 100, 120, "gfx942", "gfx1100"])
def test_every_architecture_has_facts(architecture: int | str) -> None:
    facts = facts_of(architecture)
    assert facts.bandwidth > 1e12
    assert facts.products[2] > facts.products[4] > facts.operations
