"""Atomic operations and stacked tensors in reference mode, beside Python that does one lane after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion.language as hl
from helion.exc import (
    AtomicOnDeviceTensor,
    InvalidAPIUsage,
    StackTensorcOnHost,
    StackTensorDevPtrDtype,
    StackTensorDevPtrOnHost,
    StackTensorExampleOnDevice,
)
from helion.reference import run

if TYPE_CHECKING:
    from collections.abc import Callable

OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda old, new: old + new,
    "min": min,
    "max": max,
    "xchg": lambda _, new: new,
    "and": lambda old, new: old & new,
    "or": lambda old, new: old | new,
    "xor": lambda old, new: old ^ new,
}


BITS = ("and", "or", "xor")
CASES = [
    (name, dtype)
    for name in OPERATIONS
    for dtype in (torch.int32, torch.int64, torch.float32)
    if not (dtype.is_floating_point and name in BITS)
]


@pytest.mark.parametrize(("name", "dtype"), CASES)
@pytest.mark.parametrize("block", [1, 4, 32])
def test_lanes_change_an_element_one_after_the_other(
    name: str, dtype: torch.dtype, block: int
) -> None:
    generator = torch.Generator().manual_seed(3)
    index = torch.randint(0, 5, (23,), generator=generator)
    values = torch.randint(0, 1000, (23,), generator=generator).to(dtype)

    def kernel(
        target: torch.Tensor, index: torch.Tensor, values: torch.Tensor, before: torch.Tensor
    ) -> None:
        for tile in hl.tile(index.size(0)):
            operation = getattr(hl, f"atomic_{name}")
            before[tile] = operation(target, [index[tile]], values[tile])

    target, before = torch.full((5,), 700).to(dtype), torch.empty(23, dtype=dtype)
    result = run(kernel, (target, index, values, before), block_sizes=block)
    expected, old = [700] * 5, []
    for at, value in zip(index.tolist(), values.tolist(), strict=True):
        old.append(expected[at])
        expected[at] = OPERATIONS[name](expected[at], int(value))
    assert target.tolist() == expected
    assert before.tolist() == old
    assert list(result.mutated) == [0, 3]


def test_compare_and_swap_takes_the_first() -> None:
    def kernel(target: torch.Tensor) -> torch.Tensor:
        before = torch.empty([4], dtype=torch.int32)
        for tile in hl.tile(4):
            before[tile] = hl.atomic_cas(target, [tile.index // 2], 0, tile.index + 1)
        return before

    target = torch.zeros(2, dtype=torch.int32)
    assert run(kernel, (target,)).outputs.tolist() == [0, 1, 0, 3]
    assert target.tolist() == [1, 3]


def test_targets_of_every_form() -> None:
    def kernel(matrix: torch.Tensor, number: torch.Tensor, half: torch.Tensor) -> torch.Tensor:
        old = torch.empty([3, 4])
        for tile_m, tile_n in hl.tile([3, 4]):
            old[tile_m, tile_n] = hl.atomic_add(matrix, [tile_m, tile_n], 1.0)
            hl.atomic_add(matrix, [0, slice(None)], torch.ones(4), sem="acq_rel")
            hl.atomic_add(matrix, [tile_m + 1, tile_n], 100)
            hl.atomic_max(number, [], 5)
            hl.atomic_add(half, [tile_m.index * 0], 1.0)
        return old

    matrix, number = torch.zeros(3, 4), torch.tensor(3)
    half = torch.full((1,), 2048.0, dtype=torch.float16)
    assert run(kernel, (matrix, number, half)).outputs.tolist() == [[0] * 4] * 3
    assert matrix.tolist() == [[2] * 4, [101] * 4, [101] * 4]
    assert number.item() == 5
    assert half.item() == 2048, "each sum is rounded, so adding one does nothing"


def test_high_precision_adds_exactly_and_keeps_integers() -> None:
    def kernel(floats: torch.Tensor, integers: torch.Tensor) -> torch.Tensor:
        for tile in hl.tile(3):
            hl.atomic_add(floats, [tile.index * 0], 0.1)
            old = hl.atomic_add(integers, [tile.index * 0], 1)
            assert old.dtype is torch.int16
        return floats

    result = run(kernel, (torch.zeros(1), torch.zeros(1, dtype=torch.int16)), precision="high")
    assert result.outputs.dtype is torch.float64
    assert result.outputs.item() == pytest.approx(0.3, abs=1e-15)
    assert result.mutated[1].tolist() == [3]


def test_what_atomics_refuse() -> None:
    def on_value(x: torch.Tensor) -> None:
        for tile in hl.tile(x.size(0)):
            hl.atomic_add(x[tile] * 2, [0], 1)

    def on_bits(x: torch.Tensor) -> None:
        for tile in hl.tile(x.size(0)):
            hl.atomic_xor(x, [tile], 1)

    def order(x: torch.Tensor) -> None:
        for tile in hl.tile(x.size(0)):
            hl.atomic_add(x, [tile], 1, sem="strict")  # type: ignore[arg-type]  # the mistake under test

    for kernel, error in (
        (on_value, AtomicOnDeviceTensor),
        (on_bits, InvalidAPIUsage),
        (order, InvalidAPIUsage),
    ):
        with pytest.raises(error):
            run(kernel, (torch.zeros(3),))


def _tensors(count: int) -> tuple[list[torch.Tensor], torch.Tensor]:
    tensors = [torch.rand(6, 5).T for _ in range(count)]
    return tensors, torch.tensor([one.data_ptr() for one in tensors], dtype=torch.int64)


@pytest.mark.parametrize("blocks", [None, 2, 3])
@pytest.mark.parametrize("dtype", [torch.int64, torch.uint64])
def test_stacks_read_and_write_all_their_tensors(dtype: torch.dtype, blocks: int | None) -> None:
    tensors, addresses = _tensors(4)
    before = torch.stack(tensors).clone()

    def kernel(example: torch.Tensor, addresses: torch.Tensor) -> torch.Tensor:
        out = torch.empty([addresses.size(0), *example.size()])
        for tile_m, tile_n in hl.tile(example.size()):
            for tile_s in hl.tile(addresses.size(0)):
                stack = hl.stacktensor_like(example, addresses[tile_s])
                assert stack.shape == (tile_s.__index__(), 5, 6)
                out[tile_s, tile_m, tile_n] = stack[tile_m, tile_n]
                stack[tile_m, tile_n] = stack[tile_m, tile_n] + 1
                mask = (tile_n.index == 0)[None, None, :]
                hl.store(stack, [tile_m, tile_n], 0.0, extra_mask=mask)
                old = hl.atomic_add(stack, [tile_m, tile_n], 2.0)
                assert old.shape == (tile_s.__index__(), tile_m.__index__(), tile_n.__index__())
        return out

    result = run(kernel, (tensors[0], addresses.to(dtype)), block_sizes=blocks)
    torch.testing.assert_close(result.outputs, before)
    expected = before + 3
    expected[:, :, 0] = 2
    torch.testing.assert_close(torch.stack(tensors), expected)
    assert 0 in result.mutated


def test_stacks_at_high_precision_leave_memory_alone() -> None:
    tensors, addresses = _tensors(3)
    before = torch.stack(tensors).clone()

    def kernel(example: torch.Tensor, addresses: torch.Tensor) -> torch.Tensor:
        total = torch.zeros_like(example)
        for tile in hl.tile(example.size(0)):
            stack = hl.stacktensor_like(example, addresses[:])
            stack[tile, :] = stack[tile, :] + 1
            total[tile, :] = stack[tile, :].sum(0) + example[tile, :]
        return total

    result = run(kernel, (tensors[0], addresses), precision="high")
    expected = (before.double() + 1).sum(0) + before[0].double() + 1
    torch.testing.assert_close(result.outputs, expected, rtol=1e-15, atol=0)
    torch.testing.assert_close(torch.stack(tensors), before, rtol=0, atol=0)


def test_what_stacks_refuse() -> None:
    tensors, addresses = _tensors(2)

    def on_host(x: torch.Tensor, addresses: torch.Tensor) -> None:
        hl.stacktensor_like(x, addresses)
        for _ in hl.tile(1):
            pass

    def host_addresses(x: torch.Tensor, addresses: torch.Tensor) -> None:
        for _ in hl.tile(1):
            hl.stacktensor_like(x, addresses)

    def wrong_dtype(x: torch.Tensor, addresses: torch.Tensor) -> None:
        for _ in hl.tile(1):
            hl.stacktensor_like(x, addresses[:].int())

    def value(x: torch.Tensor, addresses: torch.Tensor) -> None:
        for _ in hl.tile(1):
            hl.stacktensor_like(x[0], addresses[:])

    for kernel, error in (
        (on_host, StackTensorcOnHost),
        (host_addresses, StackTensorDevPtrOnHost),
        (wrong_dtype, StackTensorDevPtrDtype),
        (value, StackTensorExampleOnDevice),
    ):
        with pytest.raises(error):
            run(kernel, (tensors[0], addresses))
