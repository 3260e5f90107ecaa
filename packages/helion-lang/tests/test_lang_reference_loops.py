"""Loops in reference mode: over positions, unrolled, jagged, several outermost ones."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch

import helion.language as hl
from helion.exc import (
    BarrierOnlyAllowedAtTopLevel,
    InvalidJaggedTileUsage,
    InvalidTileRange,
    ReferenceTimeout,
    TileOfTile,
)
from helion.reference import run

X = torch.arange(35.0).reshape(5, 7)


def test_positions_are_integers_and_drop_the_dimension() -> None:
    seen: list[Any] = []

    def kernel(x: torch.Tensor) -> None:
        for i in hl.grid(x.size(0)):
            assert x[i].shape == (7,)
            seen.append(i)
        for i, j in hl.grid([1, 2], [3, 7], step=[1, 2]):
            assert x[i, j].item() == X[i, j]
            seen.append((i, j))
        for i in hl.grid(3, 3):
            seen.append(i)
        for i in hl.grid(torch.tensor(1), torch.tensor(8), step=3):
            seen.append(i)

    run(kernel, (X,))
    assert seen == [0, 1, 2, 3, 4, (1, 2), (1, 4), (1, 6), (2, 2), (2, 4), (2, 6), 1, 4, 7]


def test_a_run_may_be_given_so_many_seconds() -> None:
    turns = []

    def kernel(x: torch.Tensor) -> None:
        for i in hl.grid(x.size(0)):
            turns.append(i)

    with pytest.raises(ReferenceTimeout, match="more than 0 s"):
        run(kernel, (X,), seconds=0.0)
    assert turns == []
    run(kernel, (X,), seconds=60.0)
    assert turns == [0, 1, 2, 3, 4]


def test_axes_of_given_blocks_leave_the_others_large() -> None:
    sizes = []

    def kernel(x: torch.Tensor) -> None:
        for tile, *_ in hl.tile([256, 2, 2, 2, 2], block_size=[None, 1, 1, 1, 1]):
            sizes.append(tile.block_size)
        for tile, *_ in hl.tile([256, 2, 2, 2, 2]):
            sizes.append(tile.block_size)

    run(kernel, (X,))
    assert sizes == [256] * 16 + [16] * 16  # a tile of 16 along each of five


def test_range_and_static_range_count() -> None:
    def kernel(x: torch.Tensor, n: torch.Tensor) -> list[int]:
        seen = []
        for _ in hl.tile(1):
            seen += list(hl.static_range(3))
            seen += list(hl.static_range(5, 0, step=-2))
            seen += list(range(n[0], n[1]))
            for j in range(2):
                for k in hl.tile(n[0], n[1]):
                    seen.append(j * 10 + k.begin)
        return seen

    found = run(kernel, (X, torch.tensor([2, 4]))).outputs
    assert found == [0, 1, 2, 5, 3, 1, 2, 3, 2, 12]


def test_loops_after_each_other_with_a_barrier_between() -> None:
    def kernel(x: torch.Tensor) -> torch.Tensor:
        sums = torch.empty([x.size(0)])
        out = torch.empty_like(x)
        for tile in hl.tile(x.size(0)):
            sums[tile] = x[tile, :].sum(-1)
        hl.barrier()
        for tile in hl.tile(x.size(0)):
            out[tile, :] = x[tile, :] - sums[x.size(0) - 1 - tile.index][:, None]
        return out

    for blocks in (1, 2, 8):
        found = run(kernel, (X,), block_sizes=blocks).outputs
        torch.testing.assert_close(found, X - X.sum(-1).flip(0)[:, None])


def test_a_barrier_separates_outermost_loops_alone() -> None:
    def kernel(x: torch.Tensor) -> None:
        for _ in hl.tile(x.size(0)):
            hl.barrier()

    with pytest.raises(BarrierOnlyAllowedAtTopLevel):
        run(kernel, (X,))


def test_bounds_that_come_from_tensors() -> None:
    """Rows of a sparse matrix, one after the other."""

    def kernel(offsets: torch.Tensor, data: torch.Tensor) -> torch.Tensor:
        out = torch.empty([offsets.size(0) - 1])
        for row in hl.grid(offsets.size(0) - 1):
            acc = hl.zeros([1])
            for tile in hl.tile(offsets[row], offsets[row + 1]):
                acc = acc + data[tile].sum()
            out[row] = acc[0]
        return out

    offsets, data = torch.tensor([0, 3, 3, 10]), torch.rand(10)
    for blocks in (1, 2, 16):
        found = run(kernel, (offsets, data), block_sizes=blocks).outputs
        expected = torch.stack([data[:3].sum(), data[3:3].sum(), data[3:].sum()])
        torch.testing.assert_close(found, expected)


def jagged_mean(data: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
    """The mean of ``data + 1`` over each row's own positions: what is beyond must not count."""
    rows = offsets.size(0) - 1
    out = torch.zeros([rows, data.size(1)])
    for tile_n in hl.tile(data.size(1)):
        for tile in hl.tile(rows):
            start = offsets[tile]
            length = offsets[tile.index + 1] - start
            acc = hl.zeros([tile, tile_n])
            for tile_k in hl.jagged_tile(length):
                position = start[:, None] + tile_k.index[None, :]
                acc = acc + (data[position, tile_n] + 1).sum(1)
            out[tile, tile_n] = acc / length.clamp(min=1)[:, None]
    return out


@pytest.mark.parametrize("blocks", [None, 1, 3, 16])
@pytest.mark.parametrize("lengths", [[3, 0, 1, 5], [0], [2, 2, 2], [0, 0], [7, 1, 1, 2, 9, 3]])
def test_jagged_lanes_end_where_they_end(lengths: list[int], blocks: int | None) -> None:
    offsets = torch.tensor([0, *torch.tensor(lengths).cumsum(0).tolist()])
    data = torch.rand(int(offsets[-1]), 5)
    found = run(jagged_mean, (data, offsets), block_sizes=blocks).outputs
    expected = torch.zeros(len(lengths), 5)
    for row, (start, end) in enumerate(itertools.pairwise(offsets.tolist())):
        if end > start:
            expected[row] = (data[start:end] + 1).mean(0)
    torch.testing.assert_close(found, expected)


def test_jagged_loads_and_stores_by_row() -> None:
    def kernel(x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        out = torch.full_like(x, -1)
        for tile in hl.tile(x.size(0), block_size=4):
            for tile_k in hl.jagged_tile(lengths[tile]):
                out[tile, tile_k] = x[tile, tile_k] * 2
        return out

    lengths = torch.tensor([3, 7, 0, 1, 2])
    found = run(kernel, (X, lengths), block_sizes=2).outputs
    inside = torch.arange(7)[None, :] < lengths[:, None]
    torch.testing.assert_close(found, torch.where(inside, 2 * X, -1.0))


def jagged_over_a_number(lengths: torch.Tensor) -> None:
    for _ in hl.tile(1):
        for _ in hl.jagged_tile(lengths[0]):
            pass


def jagged_tile_alone(lengths: torch.Tensor) -> None:
    for tile in hl.tile(lengths.size(0)):
        for tile_k in hl.jagged_tile(lengths[tile]):
            lengths[tile_k]


def jagged_of_no_tile(lengths: torch.Tensor) -> None:
    for _ in hl.tile(1):
        for _ in hl.jagged_tile(lengths[:]):
            pass


@pytest.mark.parametrize("kernel", [jagged_over_a_number, jagged_tile_alone, jagged_of_no_tile])
def test_wrong_uses_of_jagged_tiles(kernel: Any) -> None:
    with pytest.raises(InvalidJaggedTileUsage):
        run(kernel, (torch.tensor([3, 7, 0, 1, 2]),))


def test_a_jagged_loop_is_never_outermost() -> None:
    def kernel(lengths: torch.Tensor) -> None:
        for _ in hl.jagged_tile(lengths):
            pass

    with pytest.raises(InvalidJaggedTileUsage, match="the outermost loop"):
        run(kernel, (torch.tensor([3, 7, 0, 1, 2]),))


def test_what_is_no_range() -> None:
    def loop_over(loop: Any) -> None:
        def kernel(x: torch.Tensor) -> None:
            for tile in hl.tile(x.size(0)):
                for _ in loop(tile, x):
                    pass

        run(kernel, (X,))

    with pytest.raises(TileOfTile):
        loop_over(lambda tile, x: hl.tile(tile))
    with pytest.raises(InvalidTileRange, match="steps must be at least 1, got 0"):
        loop_over(lambda tile, x: hl.grid(3, step=0))
    with pytest.raises(InvalidTileRange, match="2 ends and 1 steps"):
        loop_over(lambda tile, x: hl.grid([3, 4], step=[1]))
    with pytest.raises(InvalidTileRange, match="not a Tensor"):
        loop_over(lambda tile, x: hl.static_range(x[0, 0]))
    with pytest.raises(InvalidTileRange, match=r"step of `hl.static_range` is 0"):
        loop_over(lambda tile, x: hl.static_range(3, step=0))
    loop_over(lambda tile, x: hl.tile([3, 4], block_size=2))
