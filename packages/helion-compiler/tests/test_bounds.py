"""Bounds of loops and conditions, at numbers and at many of them at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

import helion
import helion.language as hl
from helion_compiler.program.bounds import Bounds, UnknownError
from helion_compiler.program.ops import If

if TYPE_CHECKING:
    from helion_compiler.program.program import Program


@helion.kernel()
def causal_in_items(x: torch.Tensor, offsets: torch.Tensor, most: int) -> torch.Tensor:
    """The end before the begin, a condition, and a bound by data and by where another tile ends."""
    out = torch.zeros_like(x)
    for tile_b, tile_q in hl.tile([offsets.size(0) - 1, most], block_size=[1, None]):
        end, begin = offsets[tile_b.begin + 1], offsets[tile_b.begin]
        length = end - begin
        if tile_q.begin < length:
            for tile_k in hl.tile(torch.clamp(length, max=tile_q.end)):
                out[begin + tile_k.index] = x[begin + tile_k.index]
    return out


@helion.kernel()
def from_begin_to_end(
    x: torch.Tensor, begins: torch.Tensor, ends: torch.Tensor, roots: hl.constexpr
) -> torch.Tensor:
    """Where items begin and end stands in two lists; with ``roots``, it is computed by what nobody follows."""
    out = torch.empty_like(x)
    for item in hl.grid(begins.size(0)):
        begin, end = begins[item], ends[item]
        if roots:
            end = torch.sqrt(end.to(torch.float32)).to(torch.int64)
        for tile in hl.tile(begin, end):
            out[tile] = x[tile]
    return out


def program_of(kernel: Any, *arguments: Any) -> Program:
    found: Program = kernel.bind(arguments)._implementation.specialized.program
    return found


@pytest.fixture(scope="module")
def causal() -> Program:
    return program_of(causal_in_items, torch.empty(60), torch.tensor([0, 20, 60]), 40)


def test_lengths_and_tiles_decide_how_far_a_loop_goes(causal: Program) -> None:
    bounds = Bounds(causal)
    (loop,), (grid,) = causal.loops(), causal.grids
    queries = grid.axes[1]
    first, second = bounds.loads(loop.axes[0].extent)
    entries = {first: 100, second: np.array([110, 150, 190])}
    numbers = {**causal.symbol_hints, queries.size: 16, queries.offset: 32}
    found = bounds.of(loop.axes[0].extent, numbers, entries)
    assert found.tolist() == [10, 40, 40]  # the tile ends at 48, the rows at 40


def test_what_begins_an_item_is_read_before_what_ends_it(causal: Program) -> None:
    """Whatever is read first in the source."""
    bounds = Bounds(causal)
    (loop,) = causal.loops()
    first, second = bounds.loads(loop.axes[0].extent)
    in_source = [op for op in causal.accesses() if op.buffer is first.buffer]
    assert in_source == [second, first]


def test_conditions_hold_for_some_of_many(causal: Program) -> None:
    bounds = Bounds(causal)
    (branch,) = (op for op in causal.walk() if isinstance(op, If))
    first, second = bounds.loads(branch.condition)
    (grid,) = causal.grids
    numbers = {grid.axes[1].offset: np.array([0, 16, 32])}
    assert bounds.of(branch.condition, numbers, {first: 5, second: 25}).tolist() == [1, 1, 0]


def test_bounds_may_be_of_two_lists() -> None:
    lists = torch.tensor([0, 20]), torch.tensor([20, 60])
    program = program_of(from_begin_to_end, torch.empty(60), *lists, 0)
    bounds = Bounds(program)
    (loop,) = program.loops()
    begin, end = bounds.loads(loop.axes[0].extent)
    assert bounds.of(loop.axes[0].extent, {}, {begin: 3, end: 10}) == 7


def test_what_is_not_followed_is_not_guessed() -> None:
    lists = torch.tensor([0, 20]), torch.tensor([20, 60])
    program = program_of(from_begin_to_end, torch.empty(60), *lists, 1)
    bounds = Bounds(program)
    (loop,) = program.loops()
    loads = bounds.loads(loop.axes[0].extent)
    with pytest.raises(UnknownError):
        bounds.of(loop.axes[0].extent, {}, dict.fromkeys(loads, 1))
    with pytest.raises(UnknownError):
        bounds.of(program.grids[0].axes[0].offset, {}, {})
