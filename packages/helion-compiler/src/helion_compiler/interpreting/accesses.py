"""Loads, stores, atomics, block pointers and tensor descriptors, each checked before memory is touched.

In: handles of addresses, masks and values. Out: handles of what was read; memory is written in place.
Every unmasked element must lie in a storage of the launch, else `OutOfBoundsAccess` (see `memory`).
Assumed: Triton's semantic layer has cast values to the element type and broadcast masks to the block.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import triton.language as tl
from triton._C.libtriton import interpreter as raw_memory
from triton.runtime.interpreter import BlockPointerHandle, TensorDescHandle, TensorHandle

from helion_compiler.interpreting.atomics import combination, turns
from helion_compiler.interpreting.casting import Casting
from helion_compiler.interpreting.formats import Array, element_bytes, storage_dtype
from helion_compiler.interpreting.memory import AddressSpace
from helion_compiler.interpreting.views import (
    described_block,
    described_rows,
    padding,
    pointed_block,
    require_describable,
)


class Accesses(Casting):
    """The part of the builder that touches memory."""

    def __init__(self, address_space: AddressSpace) -> None:
        super().__init__()
        self._address_space: Final = address_space

    # Pointers

    def create_addptr(self, pointer: Any, offset: Any) -> Any:
        """A pointer moved by whole elements; addresses wrap around, so a negative offset works."""
        size = np.uint64(element_bytes(pointer.get_element_ty()))
        moved = pointer.data + size * offset.data.astype(np.int64).view(np.uint64)
        return TensorHandle(moved, pointer.dtype)

    def create_load(self, pointer: Any, *_hints: Any) -> Any:
        """Elements at addresses."""
        return self._load(pointer.data, pointer.get_element_ty())

    def create_masked_load(self, pointer: Any, mask: Any, other: Any, *_hints: Any) -> Any:
        """Elements at addresses where the mask holds; `other`, or zero, elsewhere."""
        rest = None if other is None else other.data
        return self._load(pointer.data, pointer.get_element_ty(), mask.data, rest)

    def create_store(self, pointer: Any, value: Any, *_hints: Any) -> None:
        """Write elements at addresses."""
        self._store(pointer.data, pointer.get_element_ty(), value.data)

    def create_masked_store(self, pointer: Any, value: Any, mask: Any, *_hints: Any) -> None:
        """Write elements at addresses where the mask holds."""
        self._store(pointer.data, pointer.get_element_ty(), value.data, mask.data)

    def _load(
        self, addresses: Array, dtype: Any, mask: Array | None = None, other: Array | None = None
    ) -> Any:
        self._address_space.check("a load", addresses, mask, element_bytes(dtype))
        return TensorHandle(_read(addresses, storage_dtype(dtype), mask, other), dtype)

    def _store(self, addresses: Array, dtype: Any, data: Array, mask: Array | None = None) -> None:
        self._address_space.check("a store", addresses, mask, element_bytes(dtype))
        _write(addresses, data.view(storage_dtype(dtype)), mask)

    # Atomics

    def create_atomic_rmw(
        self, kind: Any, pointer: Any, value: Any, mask: Any, *_order: Any
    ) -> Any:
        """Combine values into memory and return what was there before each of them."""
        combine, operands = combination(kind, pointer.get_element_ty()), value.data.ravel()
        return self._atomic(pointer, mask.data, lambda old, turn: combine(old, operands[turn]))

    def create_atomic_cas(self, pointer: Any, expected: Any, value: Any, *_order: Any) -> Any:
        """Write values where memory holds the expected bits, and return what was there."""
        expectations, values = expected.data.ravel(), value.data.ravel()
        bits = f"int{8 * values.itemsize}"

        def swap(old: Array, turn: Array) -> Array:
            is_expected = old.view(bits) == expectations[turn].view(bits)
            return np.where(is_expected, values[turn], old)

        return self._atomic(pointer, np.ones(pointer.data.shape, dtype=np.bool_), swap)

    def _atomic(self, pointer: Any, mask: Array, update: Callable[[Array, Array], Array]) -> Any:
        """Update memory in turns, where elements of the block share an address; return what was there."""
        dtype = pointer.get_element_ty()
        stored = storage_dtype(dtype)
        self._address_space.check("an atomic", pointer.data, mask, element_bytes(dtype))
        addresses = pointer.data.ravel()
        before = np.zeros(addresses.shape, dtype=stored)
        for turn in turns(addresses, np.broadcast_to(mask, pointer.data.shape).ravel()):
            before[turn] = _read(addresses[turn], stored)
            _write(addresses[turn], update(before[turn], turn))
        return TensorHandle(before.reshape(pointer.data.shape), dtype)

    # Block pointers

    def create_tensor_pointer_load(
        self, pointer: BlockPointerHandle, boundary_check: Sequence[int], option: Any, *_hints: Any
    ) -> Any:
        """The block at a block pointer; checked dimensions are padded beyond the tensor."""
        dtype = pointer.base.get_element_ty()
        addresses, mask = pointed_block(pointer, boundary_check)
        return self._load(addresses, dtype, mask, padding(option, dtype, addresses.shape))

    def create_tensor_pointer_store(
        self, pointer: BlockPointerHandle, value: Any, boundary_check: Sequence[int], *_hints: Any
    ) -> None:
        """Write the block at a block pointer; checked dimensions are cut off at the tensor's end."""
        addresses, mask = pointed_block(pointer, boundary_check)
        self._store(addresses, pointer.base.get_element_ty(), value.data, mask)

    def create_advance(
        self, pointer: BlockPointerHandle, offsets: Sequence[Any]
    ) -> BlockPointerHandle:
        """A block pointer moved by elements along each dimension."""
        moved = [
            TensorHandle(old.data.astype(np.int64) + step.data, tl.int64)
            for old, step in zip(pointer.offsets, offsets, strict=True)
        ]
        return BlockPointerHandle(
            pointer.base, pointer.shape, pointer.strides, moved, pointer.block_shape, pointer.order
        )

    # Tensor descriptors

    def create_make_tensor_descriptor(
        self,
        base: Any,
        shape: Sequence[Any],
        strides: Sequence[Any],
        block_shape: Sequence[int],
        is_signed: bool,
        option: Any,
    ) -> TensorDescHandle:
        """A descriptor of a tensor in memory, which remembers how to read its integers."""
        require_describable(base, strides)
        descriptor = TensorDescHandle(base, list(shape), list(strides), list(block_shape), option)
        descriptor.is_signed = is_signed
        return descriptor

    def create_descriptor_load(
        self, descriptor: TensorDescHandle, offsets: Sequence[Any], *_hints: Any
    ) -> Any:
        """The block at offsets of a descriptor, padded beyond the tensor."""
        dtype = descriptor.base.dtype.element_ty
        addresses, mask = described_block(descriptor, offsets)
        return self._load(
            addresses, dtype, mask, padding(descriptor.padding, dtype, addresses.shape)
        )

    def create_descriptor_store(
        self, descriptor: TensorDescHandle, value: Any, offsets: Sequence[Any]
    ) -> None:
        """Write the block at offsets of a descriptor, cut off at the tensor's end."""
        addresses, mask = described_block(descriptor, offsets)
        self._store(addresses, descriptor.base.dtype.element_ty, value.data, mask)

    def create_descriptor_reduce(
        self, kind: Any, descriptor: TensorDescHandle, value: Any, offsets: Sequence[Any]
    ) -> None:
        """Combine a block into memory at offsets of a descriptor."""
        dtype = descriptor.base.dtype.element_ty
        combine = combination(kind, dtype, is_signed=descriptor.is_signed)
        addresses, mask = described_block(descriptor, offsets)
        operands = value.data.ravel()
        pointer = TensorHandle(addresses, descriptor.base.dtype)
        self._atomic(pointer, mask, lambda old, turn: combine(old, operands[turn]))

    def create_descriptor_gather(
        self, descriptor: TensorDescHandle, rows: Any, column: Any, _type: Any
    ) -> Any:
        """Rows of a two-dimensional descriptor, starting at one column."""
        dtype = descriptor.base.dtype.element_ty
        addresses, mask = described_rows(descriptor, rows, column)
        return self._load(
            addresses, dtype, mask, padding(descriptor.padding, dtype, addresses.shape)
        )

    def create_descriptor_scatter(
        self, descriptor: TensorDescHandle, value: Any, rows: Any, column: Any
    ) -> None:
        """Write rows of a two-dimensional descriptor, starting at one column."""
        addresses, mask = described_rows(descriptor, rows, column)
        self._store(addresses, descriptor.base.dtype.element_ty, value.data, mask)


def _read(
    addresses: Array, stored: np.dtype[Any], mask: Array | None = None, other: Array | None = None
) -> Array:
    active = np.ones(addresses.shape, dtype=np.bool_) if mask is None else mask
    rest = np.zeros(addresses.shape, dtype=stored) if other is None else other.view(stored)
    data: Array = raw_memory.load(addresses, active, rest, stored)
    return data


def _write(addresses: Array, data: Array, mask: Array | None = None) -> None:
    active = np.ones(addresses.shape, dtype=np.bool_) if mask is None else mask
    raw_memory.store(addresses, data, active)
