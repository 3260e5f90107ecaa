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

    Example:
        @helion.kernel()
        def histogram(x: torch.Tensor) -> torch.Tensor:
            counts = torch.zeros([4], dtype=torch.int32)
            for tile in hl.tile(x.size(0)):
                hl.atomic_add(counts, [x[tile]], 1)
            return counts

        assert histogram(torch.tensor([3, 0, 3, 1])).tolist() == [1, 1, 0, 2]
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

    Example:
        @helion.kernel()
        def smallest(x: torch.Tensor, groups: torch.Tensor) -> torch.Tensor:
            out = torch.full([2], 99)
            for tile in hl.tile(x.size(0)):
                hl.atomic_min(out, [groups[tile]], x[tile])
            return out

        assert smallest(torch.tensor([5, 3, 8]), torch.tensor([0, 0, 1])).tolist() == [3, 8]
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

    Example:
        @helion.kernel()
        def largest(x: torch.Tensor, groups: torch.Tensor) -> torch.Tensor:
            out = torch.zeros([2], dtype=torch.int64)
            for tile in hl.tile(x.size(0)):
                hl.atomic_max(out, [groups[tile]], x[tile])
            return out

        assert largest(torch.tensor([5, 3, 8]), torch.tensor([0, 0, 1])).tolist() == [5, 8]
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

    Example:
        @helion.kernel()
        def swap(x: torch.Tensor, shelf: torch.Tensor) -> torch.Tensor:
            before = torch.empty_like(x)
            for tile in hl.tile(x.size(0)):
                before[tile] = hl.atomic_xchg(shelf, [tile], x[tile])
            return before

        shelf = torch.tensor([7, 8])
        assert swap(torch.tensor([1, 2]), shelf).tolist() == [7, 8]
        assert shelf.tolist() == [1, 2]
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

    Example:
        @helion.kernel()
        def claim(owners: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
            before = torch.empty_like(wanted)
            for tile in hl.tile(wanted.size(0)):
                before[tile] = hl.atomic_cas(owners, [wanted[tile]], -1, wanted[tile] * 10)
            return before

        owners = torch.tensor([-1, 5])
        assert claim(owners, torch.tensor([0, 1])).tolist() == [-1, 5]
        assert owners.tolist() == [0, 5]
    """
    raise NotImplementedError
