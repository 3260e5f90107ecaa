"""The memory that a kernel may touch, and the refusal of any other access.

In: the tensors of a launch by parameter name, then blocks of addresses with masks.
Out: nothing when every unmasked element lies in the storage of some tensor, `OutOfBoundsAccess` otherwise.
Assumed: the tensors outlive the launch. An address is judged by where it points, not by how it was
computed: a stray address that happens to land in another argument's storage is not noticed.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
import torch
from attrs import frozen

from helion_compiler.interpreting.formats import Array


class OutOfBoundsAccess(Exception):  # noqa: N818  what happened, not which error class it is
    """An interpreted kernel tried to read or write outside the storages of its tensors."""


@frozen
class Region:
    """One storage: its first address, the address after its last byte, and the parameters in it."""

    start: int
    end: int
    names: tuple[str, ...]

    def distance(self, address: int) -> int:
        """Bytes from this region to an address: 0 inside, whichever side outside."""
        return max(self.start - address, address - self.end + 1, 0)


class AddressSpace:
    """The storages of a launch, sorted by address; without tensors, all of memory."""

    def __init__(self, kernel: str, tensors: Mapping[str, torch.Tensor] | None) -> None:
        self._kernel: Final = kernel
        self._anywhere: Final = tensors is None
        self._regions: Final = _regions(tensors or {})
        self._starts: Final = np.array([r.start for r in self._regions], dtype=np.uint64)
        self._ends: Final = np.array([r.end for r in self._regions], dtype=np.uint64)

    def check(self, action: str, addresses: Array, mask: Array | None, item_bytes: int) -> None:
        """Raise `OutOfBoundsAccess` if an unmasked element of `item_bytes` is outside every storage."""
        active = (
            addresses.ravel() if mask is None else addresses[np.broadcast_to(mask, addresses.shape)]
        )
        if self._anywhere or active.size == 0 or self._within_one_region(active, item_bytes):
            return
        outside = ~self._inside(active, item_bytes)
        if outside.any():
            raise OutOfBoundsAccess(
                self._describe(action, active[outside], active.size, item_bytes)
            )

    def _within_one_region(self, active: Array, item_bytes: int) -> bool:
        """The common case, decided by the two extreme addresses alone."""
        low, high = active.min(), int(active.max())
        position = int(np.searchsorted(self._starts, low, side="right")) - 1
        return position >= 0 and high + item_bytes <= self._regions[position].end

    def _inside(self, active: Array, item_bytes: int) -> Array:
        if not self._regions:
            return np.zeros(active.shape, dtype=np.bool_)
        position = np.searchsorted(self._starts, active, side="right") - 1
        room = self._ends[position] - active  # wraps around to huge beyond the end
        sizes = self._ends - self._starts
        fits = (room >= np.uint64(item_bytes)) & (room <= sizes[position])
        return (position >= 0) & fits

    def _describe(self, action: str, outside: Array, accessed: int, item_bytes: int) -> str:
        first = int(outside.flat[0])
        summary = f"kernel {self._kernel!r}: {action} out of bounds for {outside.size} of {accessed} elements"
        if not self._regions:
            return f"{summary}; no tensor with storage was passed to it"
        nearest = min(self._regions, key=lambda region: region.distance(first))
        size = nearest.end - nearest.start
        before, after = nearest.start - first, first + item_bytes - nearest.end
        where = f"{before} bytes before its start" if before > 0 else f"{after} bytes past its end"
        names = " and ".join(repr(name) for name in nearest.names)
        return (
            f"{summary}; the nearest tensor is {names} with {size} bytes of storage, and the first such "
            f"element of {item_bytes} bytes lies {where}. Check the mask, the strides and the offsets"
        )


def _regions(tensors: Mapping[str, torch.Tensor]) -> tuple[Region, ...]:
    """The storages, sorted and disjoint: those that share memory become one region of all their names."""
    regions: list[Region] = []
    for name, tensor in sorted(
        tensors.items(), key=lambda item: item[1].untyped_storage().data_ptr()
    ):
        storage = tensor.untyped_storage()
        start, end = storage.data_ptr(), storage.data_ptr() + storage.nbytes()
        if regions and start < regions[-1].end:
            last = regions.pop()
            regions.append(Region(last.start, max(last.end, end), (*last.names, name)))
        elif end > start:
            regions.append(Region(start, end, (name,)))
    return tuple(regions)
