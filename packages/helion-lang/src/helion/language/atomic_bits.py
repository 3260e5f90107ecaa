"""Atomic operations on the bits of integers; see :mod:`helion.language.atomics`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion.language._declare import declare

if TYPE_CHECKING:
    import torch

    from helion.language.atomics import MemoryOrder
    from helion.language.indices import Index
    from helion.language.memory import StackTensor


@declare
def atomic_and(
    target: torch.Tensor | StackTensor,
    index: Index,
    value: torch.Tensor | int,
    sem: MemoryOrder = "relaxed",
) -> torch.Tensor:
    """Keep of the part of ``target`` that ``index`` selects the bits set in ``value``.

    Args:
        target: a tensor of the host, or stacked tensors.
        index: as for :func:`load`.
        value: broadcast to the selected shape and cast to the dtype of ``target``.
        sem: the memory order.

    Returns:
        What ``target`` held before, of the selected shape.

    Raises:
        AtomicOnDeviceTensor: ``target`` is a value inside of the loop.
        InvalidAPIUsage: ``target`` holds no integers.
        ShapeMismatch, RankMismatch, TileOutOfBounds, DeviceAPIOnHost: as for :func:`store`.

    Example:
        @helion.kernel()
        def change(bits: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
            for tile in hl.tile(x.size(0)):
                hl.atomic_and(bits, [tile], x[tile])
            return bits

        assert change(torch.tensor([3, 12]), torch.tensor([1, 4])).tolist() == [1, 4]
    """
    raise NotImplementedError


@declare
def atomic_or(
    target: torch.Tensor | StackTensor,
    index: Index,
    value: torch.Tensor | int,
    sem: MemoryOrder = "relaxed",
) -> torch.Tensor:
    """Set in the part of ``target`` that ``index`` selects the bits set in ``value``.

    Args:
        target: a tensor of the host, or stacked tensors.
        index: as for :func:`load`.
        value: broadcast to the selected shape and cast to the dtype of ``target``.
        sem: the memory order.

    Returns:
        What ``target`` held before, of the selected shape.

    Raises:
        AtomicOnDeviceTensor: ``target`` is a value inside of the loop.
        InvalidAPIUsage: ``target`` holds no integers.
        ShapeMismatch, RankMismatch, TileOutOfBounds, DeviceAPIOnHost: as for :func:`store`.

    Example:
        @helion.kernel()
        def change(bits: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
            for tile in hl.tile(x.size(0)):
                hl.atomic_or(bits, [tile], x[tile])
            return bits

        assert change(torch.tensor([1, 4]), torch.tensor([2, 8])).tolist() == [3, 12]
    """
    raise NotImplementedError


@declare
def atomic_xor(
    target: torch.Tensor | StackTensor,
    index: Index,
    value: torch.Tensor | int,
    sem: MemoryOrder = "relaxed",
) -> torch.Tensor:
    """Flip in the part of ``target`` that ``index`` selects the bits set in ``value``.

    Args:
        target: a tensor of the host, or stacked tensors.
        index: as for :func:`load`.
        value: broadcast to the selected shape and cast to the dtype of ``target``.
        sem: the memory order.

    Returns:
        What ``target`` held before, of the selected shape.

    Raises:
        AtomicOnDeviceTensor: ``target`` is a value inside of the loop.
        InvalidAPIUsage: ``target`` holds no integers.
        ShapeMismatch, RankMismatch, TileOutOfBounds, DeviceAPIOnHost: as for :func:`store`.

    Example:
        @helion.kernel()
        def change(bits: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
            for tile in hl.tile(x.size(0)):
                hl.atomic_xor(bits, [tile], x[tile])
            return bits

        assert change(torch.tensor([1, 4]), torch.tensor([3, 12])).tolist() == [2, 8]
    """
    raise NotImplementedError
