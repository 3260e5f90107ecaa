"""Masks that are computed anew behind a loop of products, instead of being held through it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import pytest
import torch

import helion
import helion.language as hl
from helion_compiler.building import parse_target
from helion_compiler.bundling import BuildRequest
from helion_compiler.program.lane_ops import Renew
from helion_compiler.program.ops import Part, Store
from helion_compiler.program.verifier import verify_program

if TYPE_CHECKING:
    from types import ModuleType

DEPTH = 32


@helion.kernel()
def attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(q)
    depth = hl.specialize(q.size(1))
    for tile_m in hl.tile(q.size(0)):
        query = q[tile_m, :]
        acc = hl.zeros([tile_m, depth], dtype=torch.float32)
        for tile_n in hl.tile(k.size(0)):
            weights = torch.relu(hl.dot(query, k[tile_n, :].T))
            acc = hl.dot(weights.to(v.dtype), v[tile_n, :], acc=acc)
        out[tile_m, :] = acc.to(out.dtype)
    return out


@helion.kernel()
def ragged(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, offsets: torch.Tensor, most: int
) -> torch.Tensor:
    """Attention of items, in a branch; both ends of rows are those of an item."""
    out = torch.zeros_like(q)
    depth = hl.specialize(q.size(1))
    for tile_b, tile_m in hl.tile([offsets.size(0) - 1, most], block_size=[1, None]):
        begin = offsets[tile_b.begin]
        length = offsets[tile_b.begin + 1] - begin
        if tile_m.begin < length:
            inside = (tile_m.index < length)[:, None]
            query = hl.load(q, [begin + tile_m.index, slice(None)], extra_mask=inside)
            acc = hl.zeros([tile_m, depth], dtype=torch.float32)
            for tile_n in hl.tile(0, length):
                key = k[begin + tile_n.index, :]
                weights = torch.relu(hl.dot(query, key.T))
                acc = hl.dot(weights.to(v.dtype), v[begin + tile_n.index, :], acc=acc)
            place = [begin + tile_m.index, slice(None)]
            hl.store(out, place, acc.to(out.dtype), extra_mask=inside)
    return out


@helion.kernel()
def handed_on(q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
    """What follows the inner loop belongs to the next turn of the outer one."""
    out = torch.empty([q.size(0)], dtype=torch.float32, device=q.device)
    for tile_m in hl.tile(q.size(0)):
        query = q[tile_m, :]
        best = hl.full([tile_m], -1.0, dtype=torch.float32)
        for tile_n in hl.tile(k.size(0)):
            scores = hl.zeros([tile_m, tile_n], dtype=torch.float32)
            for tile_k in hl.tile(2):
                scores = hl.dot(query + tile_k.begin, k[tile_n, :].T, acc=scores)
            best = torch.where(tile_m.index < 20, torch.maximum(best, scores.amax(dim=-1)), best)
        out[tile_m] = best
    return out


def numbers(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(torch.float16)


def lowered(kernel: Any, *arguments: Any, target: str = "sm_90", **config: Any) -> Any:
    """A config of a kernel, as it is made for a GPU."""
    bound = BuildRequest(kernel, arguments).bind(parse_target(target))
    return bound.lower(helion.Config(**config))


def of_attention(rows: int, **others: Any) -> Any:
    x = numbers(rows, DEPTH)
    return lowered(attention, x, x, x, block_sizes=[64, 32], **others)


def of_items() -> tuple[Any, ...]:
    x = numbers(100, DEPTH)
    return x, x, x, torch.tensor([0, 37, 37, 100]), 63


def parts(made: Any) -> list[Part]:
    return [op for op in made.schedule.program.walk() if isinstance(op, Part)]


def test_rows_with_padding_are_masked_anew() -> None:
    made = of_attention(100)
    verify_program(made.schedule.program)
    (part,) = parts(made)
    assert any(isinstance(op, Store) for op in part.body.ops)
    source = made.emitted.source
    behind = source[source.index("= renewed_number(") :]
    assert "_index_1 = tile_m_again + tl.arange(0, 64)" in behind
    assert "mask=tile_m_mask_1[:, None]" in behind
    assert "tile_m_mask[" not in behind


def test_rows_without_padding_need_nothing() -> None:
    made = of_attention(128)
    assert not parts(made)
    assert "renewed_number" not in made.emitted.source


@pytest.mark.parametrize("target", ["sm_80", "sm_100", "gfx942"])
def test_other_targets_need_nothing(target: str) -> None:
    assert not parts(of_attention(100, target=target))


def test_conditions_of_the_author_are_computed_anew() -> None:
    made = lowered(ragged, *of_items(), block_sizes=[64, 32])
    verify_program(made.schedule.program)
    source = made.emitted.source
    before, behind = source.split("= renewed_number(")
    assert "mask=tile_m_mask[:, None] & lt[:, None]" in before
    assert "mask=tile_m_mask_1[:, None] & lt_1[:, None]" in behind
    assert "lt_1 = " in behind
    assert "tl.load(" not in behind, "numbers that data holds are not loaded again"


def test_what_the_loop_guards_itself_is_not_renewed(config_kernels: ModuleType) -> None:
    """A product of matrices guards the rows that it loads, so that behind its loop they are known anyway."""
    product = helion.kernel()(config_kernels.matmul)
    made = lowered(product, numbers(100, 70), numbers(70, 90), block_sizes=[64, 32, 16])
    assert "renewed_number" not in made.emitted.source


def test_what_a_turn_hands_on_is_left_where_it_is() -> None:
    made = lowered(handed_on, numbers(100, DEPTH), numbers(50, DEPTH), block_sizes=[64, 32, 1])
    verify_program(made.schedule.program)
    (part,) = parts(made)
    assert isinstance(part.body.ops[-1], Store), "of the two loops' ends, only the outer one's is"


def test_an_epilogue_in_parts_is_left_as_it_is() -> None:
    made = of_attention(100, epilogue_subtile=2)
    assert len(parts(made)) == 2
    assert not any(isinstance(op, Renew) for op in made.schedule.program.walk())


def test_the_axis_that_begins_again_is_the_tile_s() -> None:
    (part,) = parts(of_attention(100))
    whole = part.axis.cuts
    assert whole is not None
    assert attrs.evolve(part.axis, begin=whole.begin, offset=whole.offset, cuts=None) == whole


@pytest.mark.parametrize("rows", [1, 63, 65, 100])
def test_results_are_those_of_torch(rows: int) -> None:
    q, k, v = numbers(rows, DEPTH), numbers(70, DEPTH) / 8, numbers(70, DEPTH)
    found = attention.bind((q, k, v)).compile_config(helion.Config(block_sizes=[64, 32]))(q, k, v)
    weights = torch.relu(q.double() @ k.double().T).half().double()
    torch.testing.assert_close(found, (weights @ v.double()).half(), rtol=2e-2, atol=2e-2)


def test_results_of_items_are_those_of_torch() -> None:
    q, _, _, offsets, most = of_items()
    arguments = (q, q / 8, q, offsets, most)
    found = ragged.bind(arguments).compile_config(helion.Config(block_sizes=[64, 32]))(*arguments)
    expected = torch.zeros_like(q)
    for begin, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        rows = q[begin:end].double()
        weights = torch.relu(rows @ (q[begin:end] / 8).double().T).half().double()
        expected[begin:end] = (weights @ rows).half()
    torch.testing.assert_close(found, expected, rtol=2e-2, atol=2e-2)
