"""Stacked tensors: the same subscript on each of several tensors that are known by their addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion.exc import (
    ShapeMismatch,
    StackTensorcOnHost,
    StackTensorDevPtrDtype,
    StackTensorDevPtrOnHost,
    StackTensorExampleOnDevice,
)
from helion.language import StackTensor
from helion.reference import subscripts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helion.reference.state import ReferenceState


def stacktensor_like(
    state: ReferenceState, tensor_like: torch.Tensor, dev_ptrs: torch.Tensor
) -> StackTensor:
    """The two together, checked."""
    if state.depth == 0:
        raise StackTensorcOnHost()
    if dev_ptrs.dtype not in (torch.int64, torch.uint64):
        raise StackTensorDevPtrDtype(dtype=dev_ptrs.dtype)
    if state.is_value(tensor_like):
        raise StackTensorExampleOnDevice()
    if not state.is_value(dev_ptrs):
        raise StackTensorDevPtrOnHost()
    return StackTensor(tensor_like, dev_ptrs)


def read_stack(
    state: ReferenceState, stack: StackTensor, index: tuple[Any, ...], mask: Any
) -> torch.Tensor:
    """The parts that ``index`` selects, in the shape of the addresses."""
    parts = [
        subscripts.read(tensor, index, own)
        for tensor, own in _with_masks(state, stack, index, mask)
    ]
    if not parts:
        empty = subscripts.read(stack.tensor_like, index)
        return empty.new_empty((*stack.dev_ptrs.shape, *empty.shape))
    return torch.stack(parts).reshape(*stack.dev_ptrs.shape, *parts[0].shape)


def write_stack(
    state: ReferenceState, stack: StackTensor, index: tuple[Any, ...], value: Any, mask: Any
) -> None:
    """``value`` taken apart along the stacking dimensions."""
    shape = (*stack.dev_ptrs.shape, *subscripts.shape_of(stack.tensor_like, index))
    values = subscripts.spread(value, shape, stack.tensor_like)
    values = values.reshape(stack.dev_ptrs.numel(), *shape[stack.dev_ptrs.ndim :])
    for own, (tensor, own_mask) in zip(values, _with_masks(state, stack, index, mask), strict=True):
        state.note_write(tensor)
        subscripts.write(tensor, index, own, own_mask)


def tensors_of(state: ReferenceState, stack: StackTensor) -> list[torch.Tensor]:
    """The stacked tensors, in row-major order of their addresses."""
    dtype = state.native_dtype(stack.tensor_like)
    return [
        state.addresses.at(address, stack.tensor_like, dtype)
        for address in stack.dev_ptrs.long().reshape(-1).tolist()
    ]


def _with_masks(
    state: ReferenceState, stack: StackTensor, index: tuple[Any, ...], mask: Any
) -> Iterator[tuple[torch.Tensor, Any]]:
    """Each tensor with its part of the mask, which covers the stacking dimensions too."""
    tensors = tensors_of(state, stack)
    if mask is None:
        yield from ((tensor, None) for tensor in tensors)
        return
    shape = (*stack.dev_ptrs.shape, *subscripts.shape_of(stack.tensor_like, index))
    try:
        masks = torch.as_tensor(mask).expand(shape)
    except RuntimeError as error:
        raise ShapeMismatch(
            operation="extra_mask", reason=f"it does not broadcast to {list(shape)}"
        ) from error
    parts = masks.reshape(len(tensors), *shape[stack.dev_ptrs.ndim :])
    yield from zip(tensors, parts, strict=True)
