"""Reading, changing and writing back in one step, so that parallel programs do not lose each other's changes.

Where one call meets an element more than once, the changes happen one after the other, in no particular order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from helion.language._declare import declare

if TYPE_CHECKING:
    import torch

    from helion.language.indices import Index
    from helion.language.memory import StackTensor

MemoryOrder: TypeAlias = Literal["relaxed", "acquire", "release", "acq_rel"]
"""How an atomic operation orders the memory accesses around it."""


@declare
def atomic_add(
    target: torch.Tensor | StackTensor,
    index: Index,
    value: torch.Tensor | float,
    sem: MemoryOrder = "relaxed",
) -> torch.Tensor:
    """Add ``value`` to the part of ``target`` that ``index`` selects.

    Args:
        target: a tensor of the host, or stacked tensors.
        index: as for :func:`load`.
        value: broadcast to the selected shape and cast to the dtype of ``target``.
        sem: the memory order.

    Returns:
        What ``target`` held before, of the selected shape.

    Raises:
        AtomicOnDeviceTensor: ``target`` is a value inside of the loop.
        ShapeMismatch, RankMismatch, TileOutOfBounds, DeviceAPIOnHost: as for :func:`store`.
    """
    raise NotImplementedError


@declare
def atomic_min(
    target: torch.Tensor | StackTensor,
    index: Index,
    value: torch.Tensor | float,
    sem: MemoryOrder = "relaxed",
) -> torch.Tensor:
    """Put the smaller of ``target`` and ``value`` into the part of ``target`` that ``index`` selects.

    Args:
        target: a tensor of the host, or stacked tensors.
        index: as for :func:`load`.
        value: broadcast to the selected shape and cast to the dtype of ``target``.
        sem: the memory order.

    Returns:
        What ``target`` held before, of the selected shape.

    Raises:
        AtomicOnDeviceTensor: ``target`` is a value inside of the loop.
        ShapeMismatch, RankMismatch, TileOutOfBounds, DeviceAPIOnHost: as for :func:`store`.
    """
    raise NotImplementedError


@declare
def atomic_max(
    target: torch.Tensor | StackTensor,
    index: Index,
    value: torch.Tensor | float,
    sem: MemoryOrder = "relaxed",
) -> torch.Tensor:
    """Put the larger of ``target`` and ``value`` into the part of ``target`` that ``index`` selects.

    Args:
        target: a tensor of the host, or stacked tensors.
        index: as for :func:`load`.
        value: broadcast to the selected shape and cast to the dtype of ``target``.
        sem: the memory order.

    Returns:
        What ``target`` held before, of the selected shape.

    Raises:
        AtomicOnDeviceTensor: ``target`` is a value inside of the loop.
        ShapeMismatch, RankMismatch, TileOutOfBounds, DeviceAPIOnHost: as for :func:`store`.
    """
    raise NotImplementedError


@declare
def atomic_xchg(
    target: torch.Tensor | StackTensor,
    index: Index,
    value: torch.Tensor | float,
    sem: MemoryOrder = "relaxed",
) -> torch.Tensor:
    """Exchange the part of ``target`` that ``index`` selects for ``value``.

    Args:
        target: a tensor of the host, or stacked tensors.
        index: as for :func:`load`.
        value: broadcast to the selected shape and cast to the dtype of ``target``.
        sem: the memory order.

    Returns:
        What ``target`` held before, of the selected shape.

    Raises:
        AtomicOnDeviceTensor: ``target`` is a value inside of the loop.
        ShapeMismatch, RankMismatch, TileOutOfBounds, DeviceAPIOnHost: as for :func:`store`.
    """
    raise NotImplementedError


@declare
def atomic_cas(
    target: torch.Tensor | StackTensor,
    index: Index,
    expected: torch.Tensor | float,
    value: torch.Tensor | float,
    sem: MemoryOrder = "relaxed",
) -> torch.Tensor:
    """Put ``value`` where the part of ``target`` that ``index`` selects equals ``expected``.

    Args:
        target: a tensor of the host, or stacked tensors.
        index: as for :func:`load`.
        expected: broadcast to the selected shape and cast to the dtype of ``target``.
        value: broadcast to the selected shape and cast to the dtype of ``target``.
        sem: the memory order.

    Returns:
        What ``target`` held before, of the selected shape.

    Raises:
        AtomicOnDeviceTensor: ``target`` is a value inside of the loop.
        ShapeMismatch, RankMismatch, TileOutOfBounds, DeviceAPIOnHost: as for :func:`store`.
    """
    raise NotImplementedError
