"""Loads, stores, atomics, block pointers and tensor descriptors, each checked before memory is touched.

In: handles of addresses, masks and values. Out: handles of what was read; memory is written in place.
Every unmasked element must lie in a storage of the launch, else `OutOfBoundsAccess` (see `memory`).
Assumed: programs run one after another, so an atomic is a read, an operation and a write.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import triton.language as tl
from triton._C.libtriton import interpreter as memory_access
from triton._C.libtriton import ir
from triton.runtime.interpreter import BlockPointerHandle, TensorDescHandle, TensorHandle

from helion_compiler.interpreting.arithmetic import signed, unsigned
from helion_compiler.interpreting.casting import Casting
from helion_compiler.interpreting.formats import (
    Array,
    decode,
    element_bytes,
    encode,
    storage_dtype,
)
from helion_compiler.interpreting.memory import AddressSpace

Combine = Callable[[Array, Array], Array]

_FLOATS: Final[dict[Any, Combine]] = {
    ir.ATOMIC_OP.FADD: np.add,
    ir.DESCRIPTOR_REDUCE_KIND.ADD: np.add,
    ir.DESCRIPTOR_REDUCE_KIND.MIN: np.fmin,
    ir.DESCRIPTOR_REDUCE_KIND.MAX: np.fmax,
}

_INTEGERS: Final[dict[Any, Combine]] = {
    ir.ATOMIC_OP.ADD: np.add,
    ir.ATOMIC_OP.MIN: np.minimum,
    ir.ATOMIC_OP.MAX: np.maximum,
    ir.ATOMIC_OP.AND: np.bitwise_and,
    ir.ATOMIC_OP.OR: np.bitwise_or,
    ir.ATOMIC_OP.XOR: np.bitwise_xor,
    ir.DESCRIPTOR_REDUCE_KIND.ADD: np.add,
    ir.DESCRIPTOR_REDUCE_KIND.MIN: np.minimum,
    ir.DESCRIPTOR_REDUCE_KIND.MAX: np.maximum,
    ir.DESCRIPTOR_REDUCE_KIND.AND: np.bitwise_and,
    ir.DESCRIPTOR_REDUCE_KIND.OR: np.bitwise_or,
    ir.DESCRIPTOR_REDUCE_KIND.XOR: np.bitwise_xor,
}

_UNSIGNED: Final[dict[Any, Combine]] = {
    ir.ATOMIC_OP.UMIN: np.minimum,
    ir.ATOMIC_OP.UMAX: np.maximum,
}


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
        stored = storage_dtype(dtype)
        active = np.ones(addresses.shape, dtype=np.bool_) if mask is None else mask
        rest = np.zeros(addresses.shape, dtype=stored) if other is None else other.view(stored)
        return TensorHandle(memory_access.load(addresses, active, rest, stored), dtype)

    def _store(self, addresses: Array, dtype: Any, data: Array, mask: Array | None = None) -> None:
        self._address_space.check("a store", addresses, mask, element_bytes(dtype))
        active = np.ones(addresses.shape, dtype=np.bool_) if mask is None else mask
        memory_access.store(addresses, data.view(storage_dtype(dtype)), active)

    # Atomics

    def create_atomic_rmw(
        self, kind: Any, pointer: Any, value: Any, mask: Any, *_order: Any
    ) -> Any:
        """Combine values into memory and return what was there before each of them."""
        dtype = pointer.get_element_ty()
        active = np.broadcast_to(mask.data, pointer.data.shape)
        self._address_space.check("an atomic", pointer.data, active, element_bytes(dtype))
        combine = _combination(kind, dtype)
        addresses, operands = pointer.data.ravel(), value.data.ravel()
        before = np.zeros(addresses.shape, dtype=storage_dtype(dtype))
        waiting = np.flatnonzero(active.ravel())
        while waiting.size:
            # Elements with the same address take turns, in their order in the block.
            _, first = np.unique(addresses[waiting], return_index=True)
            turn = waiting[first]
            before[turn] = self._load(addresses[turn], dtype).data
            self._store(addresses[turn], dtype, combine(before[turn], operands[turn]))
            waiting = np.delete(waiting, first)
        return TensorHandle(before.reshape(pointer.data.shape), dtype)

    def create_atomic_cas(self, pointer: Any, expected: Any, value: Any, *_order: Any) -> Any:
        """Write values where memory holds the expected bits, and return what was there."""
        dtype = pointer.get_element_ty()
        addresses = pointer.data.ravel()
        before = np.zeros(addresses.shape, dtype=storage_dtype(dtype))
        for lane, address in enumerate(addresses[:, None]):
            before[lane] = self._load(address, dtype).data[0]
            if before[lane].tobytes() == expected.data.flat[lane].tobytes():
                self._store(address, dtype, value.data.flat[lane : lane + 1])
        return TensorHandle(before.reshape(pointer.data.shape), dtype)

    # Block pointers

    def create_tensor_pointer_load(
        self, pointer: BlockPointerHandle, boundary_check: Sequence[int], padding: Any, *_hints: Any
    ) -> Any:
        """The block at a block pointer; checked dimensions are padded beyond the tensor."""
        dtype = pointer.base.get_element_ty()
        addresses, mask = _block(pointer, pointer.offsets, boundary_check)
        return self._load(addresses, dtype, mask, _padding(padding, dtype, addresses.shape))

    def create_tensor_pointer_store(
        self, pointer: BlockPointerHandle, value: Any, boundary_check: Sequence[int], *_hints: Any
    ) -> None:
        """Write the block at a block pointer; checked dimensions are cut off at the tensor's end."""
        addresses, mask = _block(pointer, pointer.offsets, boundary_check)
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
        padding: Any,
    ) -> TensorDescHandle:
        """A descriptor of a tensor in memory; base and outer strides must be multiples of 16 bytes."""
        size = element_bytes(base.dtype.element_ty)
        address = int(base.data.item())
        outer = [int(stride.data.item()) * size for stride in strides[:-1]]
        if address % 16 or any(stride % 16 for stride in outer):
            raise ValueError(
                "a tensor descriptor needs a base address and outer strides that are multiples of 16 bytes; "
                f"the address is {address:#x} and the strides are {outer} bytes"
            )
        descriptor = TensorDescHandle(base, list(shape), list(strides), list(block_shape), padding)
        descriptor.is_signed = is_signed
        return descriptor

    def create_descriptor_load(
        self, descriptor: TensorDescHandle, offsets: Sequence[Any], *_hints: Any
    ) -> Any:
        """The block at offsets of a descriptor, padded beyond the tensor."""
        dtype = descriptor.base.dtype.element_ty
        addresses, mask = _described(descriptor, offsets)
        return self._load(
            addresses, dtype, mask, _padding(descriptor.padding, dtype, addresses.shape)
        )

    def create_descriptor_store(
        self, descriptor: TensorDescHandle, value: Any, offsets: Sequence[Any]
    ) -> None:
        """Write the block at offsets of a descriptor, cut off at the tensor's end."""
        addresses, mask = _described(descriptor, offsets)
        self._store(addresses, descriptor.base.dtype.element_ty, value.data, mask)

    def create_descriptor_reduce(
        self, kind: Any, descriptor: TensorDescHandle, value: Any, offsets: Sequence[Any]
    ) -> None:
        """Combine a block into memory at offsets of a descriptor."""
        dtype = descriptor.base.dtype.element_ty
        addresses, mask = _described(descriptor, offsets)
        combine = _combination(kind, dtype, read=signed if descriptor.is_signed else unsigned)
        before = self._load(addresses, dtype, mask).data
        self._store(addresses, dtype, combine(before, value.data), mask)

    def create_descriptor_gather(
        self, descriptor: TensorDescHandle, rows: Any, column: Any, _type: Any
    ) -> Any:
        """Rows of a two-dimensional descriptor, starting at one column."""
        dtype = descriptor.base.dtype.element_ty
        addresses, mask = _rows(descriptor, rows, column)
        return self._load(
            addresses, dtype, mask, _padding(descriptor.padding, dtype, addresses.shape)
        )

    def create_descriptor_scatter(
        self, descriptor: TensorDescHandle, value: Any, rows: Any, column: Any
    ) -> None:
        """Write rows of a two-dimensional descriptor, starting at one column."""
        addresses, mask = _rows(descriptor, rows, column)
        self._store(addresses, descriptor.base.dtype.element_ty, value.data, mask)


def _combination(kind: Any, dtype: Any, read: Callable[[Array], Array] = signed) -> Combine:
    """What an atomic of this kind does to the bits in memory and the bits it is given."""
    if kind == ir.ATOMIC_OP.XCHG:
        return lambda _before, operand: operand
    if dtype.is_floating() and kind in _FLOATS:
        combine = _FLOATS[kind]
        return lambda before, operand: encode(
            combine(decode(before, dtype), decode(operand, dtype)), dtype
        )
    if kind in _UNSIGNED:
        combine, read = _UNSIGNED[kind], unsigned
    elif kind in _INTEGERS:
        combine = _INTEGERS[kind]
    else:
        raise NotImplementedError(f"the interpreter has no atomic {kind} for {dtype}")
    # Triton orders floats by the integers of their bits, so floats may arrive here too.
    return lambda before, operand: combine(read(_bits(before)), read(_bits(operand))).view(
        before.dtype
    )


def _bits(data: Array) -> Array:
    return data.view(f"int{8 * data.itemsize}") if data.dtype.kind == "f" else data


def _block(
    view: BlockPointerHandle | TensorDescHandle, offsets: Sequence[Any], checked: Sequence[int]
) -> tuple[Array, Array]:
    """Addresses of a block of a strided view and the mask of what lies within its checked dimensions."""
    rank = len(view.block_shape)
    indices = []
    for dimension, length in enumerate(view.block_shape):
        shape = [1] * rank
        shape[dimension] = length
        start = int(offsets[dimension].data.item())
        indices.append((start + np.arange(length)).reshape(shape))
    return _addresses(view, indices, checked, tuple(view.block_shape))


def _described(descriptor: TensorDescHandle, offsets: Sequence[Any]) -> tuple[Array, Array]:
    _require_aligned(descriptor, offsets[-1])
    return _block(descriptor, offsets, range(descriptor.ndim))


def _require_aligned(descriptor: TensorDescHandle, offset: Any) -> None:
    first, size = int(offset.data.item()), element_bytes(descriptor.base.get_element_ty())
    if first * size % 16:
        raise ValueError(
            "the last offset into a tensor descriptor must be a multiple of 16 bytes, as Triton demands; "
            f"element {first} of {size} bytes is not"
        )


def _rows(descriptor: TensorDescHandle, rows: Any, column: Any) -> tuple[Array, Array]:
    _require_aligned(descriptor, column)
    width = descriptor.block_shape[-1]
    columns = int(column.data.item()) + np.arange(width)
    indices = [rows.data.astype(np.int64)[:, None], columns[None, :]]
    return _addresses(descriptor, indices, (0, 1), (rows.data.shape[0], width))


def _addresses(
    view: Any, indices: Sequence[Array], checked: Sequence[int], shape: tuple[int, ...]
) -> tuple[Array, Array]:
    size = element_bytes(view.base.get_element_ty())
    displacement = np.zeros(shape, dtype=np.int64)
    mask = np.ones(shape, dtype=np.bool_)
    for dimension, index in enumerate(indices):
        displacement += index * (size * int(view.strides[dimension].data.item()))
        if dimension in checked:
            mask &= (index >= 0) & (index < int(view.shape[dimension].data.item()))
    return view.base.data + displacement.view(np.uint64), mask


def _padding(option: Any, dtype: Any, shape: tuple[int, ...]) -> Array | None:
    if option != ir.PADDING_OPTION.PAD_NAN:
        return None
    return encode(np.full(shape, np.nan, dtype=np.float32), dtype)
