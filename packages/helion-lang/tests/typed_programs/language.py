"""Checked by type checkers, never run: what every function of the language takes and gives."""

from __future__ import annotations

from typing import assert_type

import torch

import helion
import helion.language as hl
from helion.autotuner import BooleanFragment, EnumFragment, IntegerFragment, PowerOfTwoFragment


@helion.kernel
def loops(x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    block = hl.register_block_size(16, x.size(0))
    assert_type(block, int)
    for tile in hl.tile(0, x.size(0), block_size=block):
        assert_type(tile, hl.Tile)
        assert_type(tile.begin + tile.end + tile.id + tile.count + tile.block_size, int)
        assert_type(hl.tile_index(tile), torch.Tensor)
        assert_type(hl.tile_begin(tile) + hl.tile_end(tile), int)
        assert_type(hl.tile_id(tile) + hl.tile_count(tile) + hl.tile_block_size(tile), int)
        for inner in hl.jagged_tile(lengths[tile]):
            assert_type(inner, hl.Tile)
            x[tile, inner] = x[tile, inner] + 1
            x[tile + 1, inner - 1] = 0
    hl.barrier()
    for i in hl.grid(x.size(0), step=2):
        assert_type(i, int)
        for j in hl.static_range(3):
            assert_type(x[i, j], torch.Tensor)
        for part in hl.tile(lengths[i], lengths[i + 1]):
            assert_type(part, hl.Tile)
    for i, j in hl.grid([x.size(0), x.size(1)], step=[1, 2]):
        assert_type(i + j, int)
    for tile_m, tile_n in hl.tile(x.size(), block_size=[None, 4]):
        assert_type(tile_n, hl.Tile)
        x[tile_m, tile_n] = hl.zeros([tile_m, tile_n])
    return x


@helion.kernel
def memory(x: torch.Tensor, addresses: torch.Tensor) -> None:
    for tile in hl.tile(x.size(0)):
        mask = tile.index < 3
        part = hl.load(x, [tile, None, ...], extra_mask=mask, eviction_policy="evict_last")
        assert_type(part, torch.Tensor)
        hl.store(x, [tile.index, slice(1, 3), 0], 1.0, extra_mask=mask)
        assert_type(hl.atomic_add(x, [tile], 1.0, sem="acq_rel"), torch.Tensor)
        assert_type(hl.atomic_cas(x, [tile], 0, part), torch.Tensor)
        for old in (
            hl.atomic_and(x, [tile], 1),
            hl.atomic_or(x, [tile], 1),
            hl.atomic_xor(x, [tile], part),
            hl.atomic_min(x, [tile], 1),
            hl.atomic_max(x, [tile], 1),
            hl.atomic_xchg(x, [tile], 1),
        ):
            assert_type(old, torch.Tensor)
        stack = hl.stacktensor_like(x, addresses[:])
        assert_type(stack, hl.StackTensor)
        assert_type(stack[tile, :], torch.Tensor)
        assert_type(hl.load(stack, [tile]), torch.Tensor)
        stack[tile, :] = part


def combine(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    return left + right


def combine_pairs(
    left: tuple[torch.Tensor, ...], right: tuple[torch.Tensor, ...]
) -> tuple[torch.Tensor, ...]:
    return left[0] + right[0], right[1]


@helion.kernel
def values(x: torch.Tensor, seed: int) -> None:
    for tile in hl.tile(x.size(0)):
        part = x[tile]
        assert_type(hl.full([tile, 4], 1.0, dtype=torch.float16), torch.Tensor)
        assert_type(hl.arange(2, 8, step=2), torch.Tensor)
        assert_type(hl.subscript(part, [None, slice(None)]), torch.Tensor)
        assert_type(hl.join(part, part), torch.Tensor)
        assert_type(hl.split(part), tuple[torch.Tensor, torch.Tensor])
        assert_type(hl.reduce(combine, part, 0), torch.Tensor)
        assert_type(hl.reduce(combine_pairs, (part, part), 0), tuple[torch.Tensor, ...])
        assert_type(hl.associative_scan(combine, part, 0, reverse=True), torch.Tensor)
        assert_type(hl.associative_scan(combine_pairs, (part, part), 0), tuple[torch.Tensor, ...])
        assert_type(hl.cumsum(part, 0), torch.Tensor)
        assert_type(hl.cumprod(part, 0), torch.Tensor)
        assert_type(hl.rand([tile], seed), torch.Tensor)
        assert_type(hl.randn([tile], seed, offsets=tile.index), torch.Tensor)
        assert_type(hl.randint([tile], 0, 9, part), torch.Tensor)
        first, *_ = hl.rand4x(seed, tile.index)
        assert_type(first, torch.Tensor)
        assert_type(hl.dot(part, part, out_dtype=torch.float16), torch.Tensor)
        scaled = hl.dot_scaled(part, part, "e2m1", part, None, "e4m3", acc=part)
        assert_type(scaled, torch.Tensor)
        assert_type(hl.inline_triton("{0} + 1", [part], part), torch.Tensor)
        assert_type(hl.inline_triton("1, 2", {}, (part, part)), tuple[torch.Tensor, torch.Tensor])
        assert_type(hl.triton_kernel("", {"x": part}, part), torch.Tensor)
        assembled = hl.inline_asm_elementwise("", "", [part], torch.int32, is_pure=True, pack=1)
        assert_type(assembled, torch.Tensor)
        several = hl.inline_asm_elementwise("", "", [part], [torch.int32], is_pure=True, pack=1)
        assert_type(several, tuple[torch.Tensor, ...])
        hl.device_print("part", part, tile, 3)
        hl.breakpoint()


assert_type(hl.register_tunable("split", PowerOfTwoFragment(1, 16, 4)), int)
assert_type(hl.register_tunable("steps", IntegerFragment(1, 3)), int)
assert_type(hl.register_tunable("flag", BooleanFragment()), bool)
order: EnumFragment[str] = EnumFragment(("rows", "columns"))
assert_type(hl.register_tunable("order", order), str)
assert_type(hl.specialize((1, 2)), tuple[int, ...])
assert_type(helion.next_power_of_2(3), int)
helion.kernel(ref_mode=helion.RefMode.EAGER)
assert_type(helion.language.cumsum(torch.zeros(3), 0), torch.Tensor)
assert_type(helion.autotuner.BooleanFragment().default(), bool)
helion.kernal()  # type: ignore[attr-defined]
