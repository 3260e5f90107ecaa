"""How long loops are, and which branches are taken, where lengths of items and places of tiles decide together."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import helion
import helion.language as hl
from helion_compiler.model.nesting import Branch
from helion_compiler.model.place import Place
from helion_compiler.program.ops import If


@helion.kernel()
def causal_sums(x: torch.Tensor, offsets: torch.Tensor, most: int) -> torch.Tensor:
    """Of each position of an item, what it and those before it sum up to; tiles behind an item's end do nothing."""
    out = torch.empty_like(x)
    for item, tile_q in hl.tile([offsets.size(0) - 1, most], block_size=[1, None]):
        begin = offsets[item.begin]
        length = offsets[item.begin + 1] - begin
        if tile_q.begin < length:
            inside = tile_q.index < length
            acc = hl.zeros([tile_q], dtype=torch.float32)
            for tile_k in hl.tile(torch.clamp(length, max=tile_q.end)):
                before = tile_q.index[:, None] >= tile_k.index[None, :]
                acc += torch.where(before, x[begin + tile_k.index][None, :], 0.0).sum(-1)
            hl.store(out, [begin + tile_q.index], acc.to(out.dtype), extra_mask=inside)
    return out


@pytest.fixture(scope="module")
def space() -> Any:
    """128 items of up to 1024."""
    offsets = torch.arange(129) * 512
    found: Any = causal_sums.bind((torch.empty(128 * 512), offsets, 1024))
    return found.config_spec


def place(space: Any, **keys: Any) -> Place:
    return Place(space.model._sizes, space.point(helion.Config(**keys)))


def counted(queries: int, keys: int) -> tuple[float, float]:
    """The share of tiles that exist, and the turns of one on average: over all lengths."""
    exist = turns = tiles = 0
    for length in range(1, 1025):
        for begin in range(0, 1024, queries):
            tiles += 1
            if begin < length:
                exist += 1
                turns += -(-min(length, begin + queries) // keys)
    return exist / tiles, turns / tiles


@pytest.mark.parametrize(("queries", "keys"), [(128, 64), (64, 64), (64, 32), (16, 128)])
def test_turns_and_branches_are_those_of_items_of_all_lengths(
    space: Any, queries: int, keys: int
) -> None:
    here = place(space, block_sizes=[queries, keys])
    (work,) = space.model._work
    loops = max((moved.loops for moved in work.moved), key=len)
    (branch,) = (one for one in loops if isinstance(one, Branch))
    exist, turns = counted(queries, keys)
    assert here.times((branch,)) == pytest.approx(exist, rel=0.05)
    assert here.times(loops) == pytest.approx(turns, rel=0.05)


def test_the_longest_goes_on_to_the_end(space: Any) -> None:
    here = place(space, block_sizes=[128, 64])
    (work,) = space.model._work
    loops = max((moved.loops for moved in work.moved), key=len)
    longest = Place(here.sizes, here.point, longest=True)
    assert longest.times(loops) == pytest.approx(16, abs=1)


def test_a_branch_is_not_taken_where_the_other_is(space: Any) -> None:
    here = place(space, block_sizes=[128, 64])
    (branch,) = {
        one for work in space.model._work for moved in work.moved for one in moved.loops[:1]
    }
    assert isinstance(branch.of, If)
    other = Branch(branch.of, taken=not branch.taken)
    assert here.times((branch,)) + here.times((other,)) == pytest.approx(1.0)


@helion.kernel()
def flagged(x: torch.Tensor, flags: torch.Tensor) -> torch.Tensor:
    """What nobody expects anything of decides."""
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        values = x[tile]
        if flags[tile.id] > 0:
            values = values * 2.0
        out[tile] = values
    return out


def test_branches_of_which_nothing_is_expected_are_taken() -> None:
    space: Any = flagged.bind((torch.empty(4096), torch.empty(4096, dtype=torch.int64))).config_spec
    (work,) = space.model._work
    here = place(space, block_sizes=[64])
    (inner,) = {one.loops for one in work.computed if one.loops}
    assert here.times(inner) == 1.0


@helion.kernel()
def never(x: torch.Tensor, y: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """In no sample is the branch taken, and the loop in it has no turn."""
    out = torch.zeros([x.size(0), y.size(1)], dtype=x.dtype, device=x.device)
    for item, tile_m, tile_n in hl.tile(
        [lengths.size(0), x.size(0), y.size(1)], block_size=[1, None, None]
    ):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        length = lengths[item.begin]
        if tile_m.begin > 1 << 20:
            for tile_k in hl.tile(torch.clamp(length - (1 << 20), min=0)):
                scores = torch.mm(x[tile_m, tile_k], y[tile_k, tile_n])
                acc = acc + torch.exp(scores.to(torch.float32))
        for tile_k in hl.tile(length):
            acc = torch.addmm(acc, x[tile_m, tile_k], y[tile_k, tile_n])
        out[tile_m, tile_n] = acc.to(out.dtype)
    return out


def test_what_no_sample_does_has_an_estimate() -> None:
    x, y = torch.randn(32, 24), torch.randn(24, 16)
    kernel: Any = never
    space = kernel.bind((x, y, torch.tensor([24]))).config_spec
    point = space.point(space.default_config())
    assert 0 < space.model.seconds(point) < 1
    torch.testing.assert_close(never(x, y, torch.tensor([24])), x @ y, rtol=1e-4, atol=1e-4)
