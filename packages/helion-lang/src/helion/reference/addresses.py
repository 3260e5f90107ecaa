"""Tensors over memory that is known by its address alone."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping


class AddressSpace:
    """Finds the tensor at an address.

    At high precision kernels work on copies: ``copies`` has those of tensors that the kernel was given, by the address
    of the original; memory that belongs to none of them is copied when it is first looked at.
    """

    def __init__(self, copies: Mapping[int, torch.Tensor] | None) -> None:
        self._copies = None if copies is None else dict(copies)

    def at(self, address: int, like: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        """The tensor at ``address`` with the shape, strides and device of ``like``, holding ``dtype`` there."""
        if self._copies is None:
            return _over_memory(address, like, dtype)
        found = self._copies.get(address)
        if found is None or found.shape != like.shape:
            found = self._copies[address] = _over_memory(address, like, dtype).to(like.dtype)
        return found


def _over_memory(address: int, like: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    reach = sum((size - 1) * stride for size, stride in zip(like.shape, like.stride(), strict=True))
    if like.numel() == 0:
        return torch.empty_like(like, dtype=dtype)
    size = (1 + reach) * dtype.itemsize
    if like.device.type == "cpu":
        memory = (ctypes.c_uint8 * size).from_address(address)
        flat = torch.frombuffer(memory, dtype=torch.uint8)
    else:
        flat = torch.as_tensor(_CudaMemory(address, size), device=like.device)
    return flat.view(dtype).as_strided(like.shape, like.stride())


class _CudaMemory:
    """What torch takes for an array on a GPU."""

    def __init__(self, address: int, size: int) -> None:
        self.__cuda_array_interface__: dict[str, Any] = {
            "data": (address, False),
            "shape": (size,),
            "typestr": "|u1",
            "version": 2,
        }
