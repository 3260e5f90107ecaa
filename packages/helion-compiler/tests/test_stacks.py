"""Stacked tensors, interpreted: loads, stores and atomics at addresses that a tensor holds."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import helion
import helion.language as hl
from helion_compiler.building import parse_target


def addresses_of(*tensors: torch.Tensor) -> torch.Tensor:
    return torch.tensor([tensor.data_ptr() for tensor in tensors])


def gathered(like: torch.Tensor, addresses: torch.Tensor) -> torch.Tensor:
    out = torch.empty([addresses.size(0), *like.size()], dtype=like.dtype, device=like.device)
    for rows, columns in hl.tile(like.size()):
        stack = hl.stacktensor_like(like, addresses[:])
        out[:, rows, columns] = stack[rows, columns]
    return out


def scattered(like: torch.Tensor, addresses: torch.Tensor, values: torch.Tensor) -> None:
    for parts, rows in hl.tile([addresses.size(0), like.size(0)]):
        stack = hl.stacktensor_like(like, addresses[parts])
        stack[rows, :] = values[parts, rows, :] * 2


def added(like: torch.Tensor, addresses: torch.Tensor) -> None:
    for rows in hl.tile(like.size(0)):
        stack = hl.stacktensor_like(like, addresses[:])
        hl.atomic_add(stack, [rows, 0], 1.0)


def of_one(like: torch.Tensor, addresses: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(like)
    for rows in hl.tile(like.size(0)):
        stack = hl.stacktensor_like(like, addresses[1])
        out[rows, :] = stack[rows, :]
    return out


def computed(kernel: Any, *args: Any, blocks: list[int]) -> Any:
    return helion.kernel(kernel, config=helion.Config(block_sizes=blocks))(*args)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int8])
def test_loads(dtype: torch.dtype) -> None:
    tensors = [(torch.randn(7, 9) * 9).to(dtype) for _ in range(3)]
    found = computed(gathered, tensors[0], addresses_of(*tensors), blocks=[4, 4])
    assert torch.equal(found, torch.stack(tensors))
    assert torch.equal(computed(of_one, tensors[0], addresses_of(*tensors), blocks=[4]), tensors[1])


def test_strides_are_those_of_the_example() -> None:
    tensors = [torch.randn(9, 7).t() for _ in range(3)]
    found = computed(gathered, tensors[0], addresses_of(*tensors), blocks=[4, 4])
    assert torch.equal(found, torch.stack(tensors))


def test_stores_and_atomics() -> None:
    tensors = [torch.zeros(7, 9) for _ in range(5)]
    values = torch.randn(5, 7, 9)
    computed(scattered, tensors[0], addresses_of(*tensors), values, blocks=[2, 4])
    assert torch.equal(torch.stack(tensors), values * 2)
    computed(added, tensors[0], addresses_of(*tensors), blocks=[4])
    values[:, :, 0] += 0.5
    torch.testing.assert_close(torch.stack(tensors), values * 2)


def test_they_compile_for_a_gpu() -> None:
    tensors = [torch.zeros(7, 9) for _ in range(5)]
    arguments = {
        gathered: (tensors[0], addresses_of(*tensors)),
        scattered: (tensors[0], addresses_of(*tensors), torch.zeros(5, 7, 9)),
        added: (tensors[0], addresses_of(*tensors)),
    }
    for kernel, args in arguments.items():
        bound: Any = helion.kernel(kernel).bind(args)
        config = helion.Config(block_sizes=[4] if kernel is added else [4, 4])
        built = bound._implementation.specialized.build(config, parse_target("sm_90"))
        assert len(built.image.binary) > 1000
