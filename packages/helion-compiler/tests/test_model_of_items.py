"""Estimates of kernels over jagged items beside what an H200 took (torch 2.11, Triton 3.6, bfloat16).

2048 items of up to 512 rows of 128, but where a test says otherwise; ``python -m benchmarks.suite --only jagged``.
"""

from __future__ import annotations

from typing import Any

import torch

import helion
import helion.language as hl
from helion_compiler.model.ragged import lengths_of


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
            values = hl.load(flat, [places], extra_mask=inside[:, :, None])
            acc += values.to(torch.float32).sum(1)
        out[tile_b, tile_m] = acc.to(data.dtype)
    return out


@helion.kernel()
def jagged_softmax(data: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
    columns = data.size(1)
    out = torch.empty_like(data)
    for tile_b, tile_f in hl.tile([offsets.size(0) - 1, columns]):
        begins = offsets[tile_b]
        lengths = offsets[tile_b.index + 1] - begins
        largest = hl.full([tile_b, tile_f], float("-inf"), dtype=torch.float32)
        total = hl.zeros([tile_b, tile_f], dtype=torch.float32)
        for tile_k in hl.jagged_tile(lengths):
            row = begins[:, None] + tile_k.index[None, :]
            values = data[row, tile_f].to(torch.float32)
            grown = torch.maximum(largest, values.amax(dim=1))
            weights = torch.exp(values - grown[:, None, :])
            total = total * torch.exp(largest - grown) + weights.sum(dim=1)
            largest = grown
        for tile_k in hl.jagged_tile(lengths):
            row = begins[:, None] + tile_k.index[None, :]
            weights = torch.exp(data[row, tile_f].to(torch.float32) - largest[:, None, :])
            out[row, tile_f] = weights / total[:, None, :]
    return out


@helion.kernel()
def add_jagged(data: torch.Tensor, offsets: torch.Tensor, dense: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(dense)
    for item in hl.grid(dense.size(0)):
        begin = offsets[item]
        length = offsets[item + 1] - begin
        for tile in hl.tile(length):
            out[item, tile] = dense[item, tile] + data[begin + tile.index]
        for tile in hl.tile(length, dense.size(1)):
            out[item, tile] = dense[item, tile]
    return out


@helion.kernel()
def grouped(packed: torch.Tensor, weight: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
    rows, k = packed.size()
    groups, _, n = weight.size()
    out = torch.empty([rows, n], dtype=packed.dtype, device=packed.device)
    for group in hl.grid(groups):
        begin, end = offsets[group], offsets[group + 1]
        for tile_m, tile_n in hl.tile([begin, 0], [end, n]):
            acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
            for tile_k in hl.tile(k):
                acc = torch.addmm(acc, packed[tile_m, tile_k], weight[group, tile_k, tile_n])
            out[tile_m, tile_n] = acc
    return out


@helion.kernel()
def jagged_layer_norm(data: torch.Tensor, offsets: torch.Tensor, eps: float = 1e-6) -> torch.Tensor:
    items, features = offsets.size(0) - 1, data.size(1)
    out = torch.empty_like(data)
    for tile_b in hl.tile(items):
        begins = offsets[tile_b]
        lengths = offsets[tile_b.index + 1] - begins
        count = torch.where(lengths > 0, lengths, 1).to(torch.float32) * features
        total = hl.zeros([tile_b], dtype=torch.float32)
        for tile_k in hl.jagged_tile(lengths):
            row = begins[:, None] + tile_k.index[None, :]
            total = total + data[row, :].to(torch.float32).sum(dim=-1).sum(dim=-1)
        mean = total / count
        squares = hl.zeros([tile_b], dtype=torch.float32)
        for tile_k in hl.jagged_tile(lengths):
            row = begins[:, None] + tile_k.index[None, :]
            apart = data[row, :].to(torch.float32) - mean[:, None, None]
            squares = squares + (apart * apart).sum(dim=-1).sum(dim=-1)
        rstd = torch.rsqrt(squares / count + eps)
        for tile_k in hl.jagged_tile(lengths):
            row = begins[:, None] + tile_k.index[None, :]
            apart = data[row, :].to(torch.float32) - mean[:, None, None]
            out[row, :] = apart * rstd[:, None, None]
    return out


def half(*shape: int) -> torch.Tensor:
    return torch.empty(shape, dtype=torch.bfloat16)


def space_of(kernel: Any, *arguments: torch.Tensor) -> Any:
    return kernel.bind(arguments).config_spec


def estimate(space: Any, **keys: Any) -> float:
    return float(space.model.seconds(space.point(helion.Config(**keys))) * 1e6)


def terms(space: Any, **keys: Any) -> dict[str, float]:
    found: dict[str, float] = space.model.terms(space.point(helion.Config(**keys)))
    return found


def test_the_longest_of_several_items_is_waited_for() -> None:
    """Half of the rows that a tile of many items walks are of none of them; one item's are its own."""
    program = jagged_sum.bind((half(2048 * 256, 128), torch.arange(2049)))._implementation
    (lengths,) = lengths_of(program.specialized.program).values()
    assert lengths.mean == 256
    assert lengths.longest(1) == 256
    assert lengths.longest(15) == 480
    assert lengths.most == 512


def test_tiles_over_items_stay_small() -> None:
    """2048 items of up to 512 rows: 143 µs with 16 items a tile; one item a tile was among the tuned."""
    space = space_of(jagged_sum, half(2048 * 256, 128), torch.arange(2049))
    many = estimate(space, block_sizes=[16, 32, 16], num_warps=4)
    assert 0.5 < many / 143 < 2
    assert estimate(space, block_sizes=[1, 128, 16], num_warps=4) * 2 < many
    assert space.default_config()["block_sizes"][0] <= 4


def test_rows_that_come_together_in_every_turn_are_many_for_each_thread() -> None:
    """2048 items of up to 512 rows: 409 µs where 16 threads in four warps share each column's 16 rows."""
    space = space_of(jagged_softmax, half(2048 * 256, 128), torch.arange(2049))
    apart, beside = (
        {"block_sizes": [1, columns, 16, 16], "num_warps": warps}
        for columns, warps in ((64, 4), (128, 1))
    )
    assert 0.5 < estimate(space, **apart) / 409 < 2
    assert terms(space, **beside)["computed"] * 1.5 < terms(space, **apart)["computed"]


def test_threads_hold_what_they_share_no_dimension_of() -> None:
    """All threads along the rows hold a column's maximum and sum: 64 and 127 registers (ptxas for sm_90)."""
    space = space_of(jagged_softmax, half(2048 * 256, 128), torch.arange(2049))
    for blocks, warps, registers in (([1, 64, 16, 16], 4, 64), ([1, 128, 16, 16], 1, 127)):
        point = space.point(helion.Config(block_sizes=blocks, num_warps=warps))
        (used,) = space.model.registers(point)
        assert 0.8 < used / registers < 1.1, (blocks, used)


def test_lengths_come_from_the_dimension_that_is_walked() -> None:
    bound = grouped.bind((half(16384, 64), half(16, 64, 64), torch.arange(17)))
    (packed,) = lengths_of(bound._implementation.specialized.program).values()
    assert (packed.mean, packed.items) == (1024, ())
    bound = add_jagged.bind((half(8000), torch.arange(17), half(16, 900)))
    walked = lengths_of(bound._implementation.specialized.program)
    assert [lengths.mean for lengths in walked.values()] == [500, 450]


def test_pipelines_end_with_their_loop() -> None:
    """256 rows of each item, in two or three turns: nothing more can be loaded ahead."""
    space = space_of(jagged_sum, half(2048 * 256, 128), torch.arange(2049))
    keys: dict[str, Any] = {"block_sizes": [1, 128, 128], "num_warps": 8}
    none, few, many = (
        terms(space, range_num_stages=[0, stages], **keys)["alone"] for stages in (0, 3, 4)
    )
    assert few < none
    assert many >= few


def test_pipelines_take_shared_memory() -> None:
    """Sums of 64 by 128: 96 KiB for four stages, so that two programs share a multiprocessor; 64 KiB for three."""
    space = space_of(jagged_sum, torch.empty(2048 * 2560, 128), torch.arange(2049))
    keys: dict[str, Any] = {"block_sizes": [1, 128, 64], "num_warps": 8}
    waits = [terms(space, range_num_stages=[0, s], **keys)["alone"] for s in (3, 4)]
    assert waits[1] > waits[0]


def test_columns_of_a_jagged_tensor_come_first() -> None:
    blocks = space_of(jagged_sum, half(500000, 128), torch.arange(2049)).default_config()
    assert blocks["block_sizes"][1] >= 16


def test_warps_that_are_dealt_out_for_good_are_uneven() -> None:
    """193 µs with a warp for each item, 157 with two: every scheduler keeps the few that it begins with."""
    space = space_of(jagged_softmax, half(2048 * 256, 128), torch.arange(2049))
    whole, halves = ({"block_sizes": [1, columns, 16, 16], "num_warps": 1} for columns in (128, 64))
    for keys, measured in ((whole, 193), (halves, 157)):
        assert 0.75 < estimate(space, **keys) / measured < 1.25
    default = space.default_config()
    assert default["num_warps"] >= 4
    assert default["block_sizes"][:2] == (1, 64)
    assert min(default["block_sizes"][2:]) >= 8 * default["num_warps"]


def test_the_longest_item_may_be_the_last_to_begin() -> None:
    """158 to 164 µs with a program for each item, four of which run at once, 117 to 120 with two for each."""
    space = space_of(jagged_softmax, half(2048 * 256, 128), torch.arange(2049))
    whole, halves = (
        estimate(space, block_sizes=blocks, num_warps=4)
        for blocks in ([1, 128, 64, 64], [1, 64, 128, 64])
    )
    assert 0.75 < whole / 160 < 1.25
    assert 0.75 < halves / 118 < 1.25
    assert halves < 0.97 * whole


def test_turns_that_store_wait_for_what_they_load() -> None:
    """Rows of 8192, copied beyond an item's end in turns of 128: 84 µs; 35 in turns of 1024."""
    space = space_of(add_jagged, half(2048 * 4096), torch.arange(2049), half(2048, 8192))
    short, long = (estimate(space, block_sizes=[2048, turn], num_warps=4) for turn in (128, 1024))
    assert 0.5 < short / 84 < 2
    assert long * 2 < short
    assert min(space.default_config()["block_sizes"]) >= 1024


def test_lanes_that_data_masks_leave_shared_memory_together() -> None:
    """152 µs with a pipeline for each loop, which takes all registers; 89 with plain loads in many warps."""
    space = space_of(jagged_layer_norm, half(2048 * 256, 128), torch.arange(2049))
    pipeline: dict[str, Any] = {
        "block_sizes": [1, 128, 128, 128],
        "range_num_stages": [0, 3, 3, 3],
        "num_warps": 4,
    }
    plain: dict[str, Any] = {
        "block_sizes": [1, 128, 128, 64],
        "reduction_loops": [64],
        "num_warps": 16,
        "num_stages": 1,
    }
    for keys, measured in ((pipeline, 152), (plain, 89)):
        assert 0.7 < estimate(space, **keys) / measured < 1.4
    (registers,) = space.model.registers(space.point(helion.Config(**pipeline)))
    assert registers > 255
    assert estimate(space, **dict(space.default_config())) <= estimate(space, **plain)


def test_copies_to_shared_memory_have_four_bytes() -> None:
    """Two bytes from anywhere are not copied ahead, so stages change nothing."""
    space = space_of(add_jagged, half(2048 * 4096), torch.arange(2049), half(2048, 8192))
    keys: dict[str, Any] = {"block_sizes": [1024, 1024], "num_warps": 4}
    plain, ahead = (estimate(space, range_num_stages=[0, s, s], **keys) for s in (0, 3))
    assert plain == ahead


def test_columns_lie_side_by_side_and_rows_of_the_same_items_apart() -> None:
    space = space_of(jagged_sum, half(500000, 128), torch.arange(2049))
    beside, apart = (
        estimate(space, block_sizes=blocks, num_warps=4) for blocks in ([1, 64, 16], [64, 1, 16])
    )
    assert beside * 1.2 < apart


def test_lanes_that_are_masked_by_themselves_lie_side_by_side() -> None:
    """45 µs with eight neighbours in each thread, moved one after the other; 34 with few in more warps."""
    bound = add_jagged.bind((half(2048 * 4096), torch.arange(2049), half(2048, 8192)))
    text = bound.to_triton_code(helion.Config(block_sizes=[2048, 1024], num_warps=8))
    for lanes in (2048, 1024):
        assert f" + tl.arange(0, {lanes}), 1)" in text
    rows = jagged_sum.bind((half(2048 * 256, 128), torch.arange(2049)))
    assert "max_contiguous" not in rows.to_triton_code(helion.Config(block_sizes=[1, 128, 16]))
    alone = rows.to_triton_code(helion.Config(block_sizes=[1, 1, 128]))
    assert "tl.max_contiguous(tile_k_begin + tl.arange(0, 128), 1)" in alone
