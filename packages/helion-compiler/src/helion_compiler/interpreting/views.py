"""Addresses of blocks of strided views: block pointers and tensor descriptors.

In: Triton's handles of views and the offsets of a block. Out: addresses and masks of the block's elements.
Assumed: a view's handle has `base`, `shape`, `strides` and `block_shape`, as Triton's interpreter makes them.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from triton._C.libtriton import ir
from triton.runtime.interpreter import BlockPointerHandle, TensorDescHandle

from helion_compiler.interpreting.formats import Array, element_bytes, encode

Block = tuple[Array, Array]


def pointed_block(pointer: BlockPointerHandle, checked: Sequence[int]) -> Block:
    """Addresses of a block pointer's block, and which elements lie within the checked dimensions."""
    return _block(pointer, _indices(pointer, pointer.offsets), checked, tuple(pointer.block_shape))


def described_block(descriptor: TensorDescHandle, offsets: Sequence[Any]) -> Block:
    """Addresses of a block at offsets of a tensor descriptor, and which elements lie within it."""
    _require_aligned(descriptor, offsets[-1])
    indices = _indices(descriptor, offsets)
    return _block(descriptor, indices, range(len(indices)), tuple(descriptor.block_shape))


def described_rows(descriptor: TensorDescHandle, rows: Any, column: Any) -> Block:
    """Addresses of rows of a two-dimensional descriptor from a column on, and which lie within it."""
    _require_aligned(descriptor, column)
    width = descriptor.block_shape[-1]
    columns = int(column.data.item()) + np.arange(width)
    indices = [rows.data.astype(np.int64)[:, None], columns[None, :]]
    return _block(descriptor, indices, (0, 1), (rows.data.shape[0], width))


def require_describable(base: Any, strides: Sequence[Any]) -> None:
    """Raise ValueError unless address and outer strides are multiples of 16 bytes, as descriptors need."""
    size = element_bytes(base.dtype.element_ty)
    address = int(base.data.item())
    outer = [int(stride.data.item()) * size for stride in strides[:-1]]
    if address % 16 or any(stride % 16 for stride in outer):
        raise ValueError(
            "a tensor descriptor needs a base address and outer strides that are multiples of 16 bytes; "
            f"the address is {address:#x} and the strides are {outer} bytes"
        )


def padding(option: Any, dtype: Any, shape: tuple[int, ...]) -> Array | None:
    """What a load gives outside a view: NaN if asked for, else None for zero."""
    if option != ir.PADDING_OPTION.PAD_NAN:
        return None
    return encode(np.full(shape, np.nan, dtype=np.float32), dtype)


def _require_aligned(descriptor: TensorDescHandle, offset: Any) -> None:
    first, size = int(offset.data.item()), element_bytes(descriptor.base.get_element_ty())
    if first * size % 16:
        raise ValueError(
            "the last offset into a tensor descriptor must be a multiple of 16 bytes, as Triton demands; "
            f"element {first} of {size} bytes is not"
        )


def _indices(view: BlockPointerHandle | TensorDescHandle, offsets: Sequence[Any]) -> list[Array]:
    """The indices of a block along each dimension, shaped to broadcast over the block."""
    rank = len(view.block_shape)
    indices = []
    for dimension, length in enumerate(view.block_shape):
        shape = [1] * rank
        shape[dimension] = length
        start = int(offsets[dimension].data.item())
        indices.append((start + np.arange(length)).reshape(shape))
    return indices


def _block(
    view: BlockPointerHandle | TensorDescHandle,
    indices: Sequence[Array],
    checked: Sequence[int],
    shape: tuple[int, ...],
) -> Block:
    size = element_bytes(view.base.get_element_ty())
    displacement = np.zeros(shape, dtype=np.int64)
    mask = np.ones(shape, dtype=np.bool_)
    for dimension, index in enumerate(indices):
        displacement += index * (size * int(view.strides[dimension].data.item()))
        if dimension in checked:
            mask &= (index >= 0) & (index < int(view.shape[dimension].data.item()))
    return view.base.data + displacement.view(np.uint64), mask
