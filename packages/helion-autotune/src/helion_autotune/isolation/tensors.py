"""Tensors on their way into workers, each of which gets copies of its own.

In: values, of which some are tensors. Out: the same values in another process, with the same shapes, strides, dtypes,
devices and alignments; tensors that shared memory share it again. A worker never maps memory that the session's
tensors live in, so that no candidate can write there: bytes go through anonymous memory of the host, written once by
the session, read by every worker. torch is imported only inside.
"""

from __future__ import annotations

import mmap
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import attrs

from helion_autotune.blueprint import NotPortableError
from helion_autotune.isolation.host_memory import available_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import torch
    from torch import Tensor

#: Addresses keep their remainder by this: more than any access or descriptor asks of its alignment.
ALIGNMENT = 256
_WORD = 8
#: So many times as much memory as copies take must be left on the host.
SPARE = 2


@attrs.frozen
class Region:
    """Bytes of a device that tensors lie in. ``start`` is their place in the file, ``address`` that in memory."""

    device: str
    address: int
    size: int
    start: int


@attrs.frozen
class Place:
    """A tensor in a region; ``offset`` in bytes."""

    region: int
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: torch.dtype


@attrs.frozen(eq=False)
class Unpacked:
    """Values in a worker, the memory of their tensors, and for each value the number of its buffer, if it has one."""

    values: tuple[Any, ...]
    buffers: tuple[Tensor, ...]
    places: tuple[int | None, ...]

    def checksum(self) -> tuple[int, ...]:
        """A number for each region, which changes when something writes there: the sum of its words, modulo 2^64."""
        import torch

        sums = [buffer.view(torch.int64).sum(dtype=torch.int64) for buffer in self.buffers]
        return tuple(int(each) for each in sums)


class Packed:
    """Values with their tensors' bytes in anonymous shared memory, which lives as long as this object does.

    Pickles to something that reads that memory by way of this process, so it must outlive the readers' start.

    Raises NotPortableError where the host has not twice as much memory left: to run out of it kills processes.
    """

    def __init__(self, values: Sequence[Any]) -> None:
        import torch

        tensors = [_plain(value) for value in values if isinstance(value, torch.Tensor)]
        places, self._regions = _places(tensors)
        remaining = iter(places)
        self._values = tuple(
            next(remaining) if isinstance(value, torch.Tensor) else value for value in values
        )
        self._size = max(sum(_padded(region.size) for region in self._regions), 1)
        with self._memory() as descriptor:
            os.ftruncate(descriptor, self._size)
            _write(descriptor, self._size, self._regions, tensors, places)

    @contextmanager
    def _memory(self) -> Iterator[int]:
        """New memory, as a file to write to; without an error, this object's from then on."""
        _refuse_scarcity(self._size)
        descriptor = os.memfd_create("helion-autotune")
        try:
            yield descriptor
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        self._path = f"/proc/{os.getpid()}/fd/{descriptor}"

    def __del__(self) -> None:
        if getattr(self, "_path", ""):
            os.close(self._descriptor)
            self._path = ""

    def __reduce__(self) -> tuple[Any, ...]:
        return unpack, (self._path, self._size, self._regions, self._values)

    def reduce_far(self) -> tuple[Any, ...]:
        """For a process of another host, where the same is packed anew, of the same bytes."""
        with mmap.mmap(self._descriptor, self._size, access=mmap.ACCESS_READ) as memory:
            return arrive, (memory[:], self._regions, self._values)


def arrive(content: bytes, regions: Sequence[Region], values: tuple[Any, ...]) -> Packed:
    """What was packed on another host, packed here; ``Packed`` unpickles by this where it has come from far."""
    packed = Packed.__new__(Packed)
    packed._values, packed._regions, packed._size = values, list(regions), len(content)
    with packed._memory() as descriptor, open(descriptor, "wb", closefd=False) as file:
        file.write(content)
    return packed


def unpack(path: str, size: int, regions: Sequence[Region], values: Sequence[Any]) -> Unpacked:
    """The values, with their tensors on their devices; ``Packed`` unpickles by this."""
    import torch

    with (
        open(path, "rb") as file,
        mmap.mmap(file.fileno(), size, access=mmap.ACCESS_COPY) as memory,
    ):
        whole = torch.frombuffer(memory, dtype=torch.uint8)
        buffers, starts = [], []
        for region in regions:
            buffer = torch.zeros(
                _padded(region.size + ALIGNMENT), dtype=torch.uint8, device=region.device
            )
            start = (region.address - buffer.data_ptr()) % ALIGNMENT
            buffer[start : start + region.size].copy_(
                whole[region.start : region.start + region.size]
            )
            buffers.append(buffer)
            starts.append(start)
        del whole  # before the memory goes that it looks at
    unpacked = tuple(
        _tensor(value, buffers[value.region], starts[value.region])
        if isinstance(value, Place)
        else value
        for value in values
    )
    numbers = tuple(value.region if isinstance(value, Place) else None for value in values)
    return Unpacked(unpacked, tuple(buffers), numbers)


def _refuse_scarcity(size: int) -> None:
    available = available_bytes()
    if available is not None and SPARE * size > available:
        raise NotPortableError(
            f"copies for workers take {size / 2**30:.1f} GiB of the host's memory, of which "
            f"{available / 2**30:.1f} GiB are left; twice as much as they take would have to be"
        )


def _plain(tensor: Tensor) -> Tensor:
    """The tensor itself, with nothing lazy about it: without gradient, conjugation and negation."""
    return tensor.detach().resolve_conj().resolve_neg()


def _extent(tensor: Tensor) -> int:
    """Bytes from a tensor's first element to behind its last one."""
    if tensor.numel() == 0:
        return 0
    last = sum((n - 1) * s for n, s in zip(tensor.shape, tensor.stride(), strict=True))
    return (int(last) + 1) * tensor.element_size()


def _places(tensors: Sequence[Tensor]) -> tuple[list[Place], list[Region]]:
    """Where each tensor lies; tensors that overlap are in one region."""
    order = sorted(
        range(len(tensors)), key=lambda i: (str(tensors[i].device), tensors[i].data_ptr())
    )
    regions: list[Region] = []
    chosen: dict[int, int] = {}
    for index in order:
        tensor = tensors[index]
        address, size = tensor.data_ptr(), _extent(tensor)
        last = regions[-1] if regions else None
        if (
            last is not None
            and last.device == str(tensor.device)
            and address < last.address + last.size
        ):
            end = max(last.address + last.size, address + size)
            regions[-1] = attrs.evolve(last, size=end - last.address)
        else:
            start = _padded(last.start + last.size) if last is not None else 0
            regions.append(Region(str(tensor.device), address, size, start))
        chosen[index] = len(regions) - 1
    places = [
        Place(
            chosen[index],
            tensor.data_ptr() - regions[chosen[index]].address,
            tuple(tensor.shape),
            tuple(tensor.stride()),
            tensor.dtype,
        )
        for index, tensor in enumerate(tensors)
    ]
    return places, regions


def _write(
    descriptor: int,
    size: int,
    regions: Sequence[Region],
    tensors: Sequence[Tensor],
    places: Sequence[Place],
) -> None:
    import torch

    with mmap.mmap(descriptor, size) as memory:
        whole = torch.frombuffer(memory, dtype=torch.uint8)
        for number, region in enumerate(regions):
            if not region.size:
                continue
            first = next(
                tensor
                for tensor, place in zip(tensors, places, strict=True)
                if place.region == number and place.offset == 0
            )
            source = torch.empty(0, dtype=torch.uint8, device=first.device).set_(
                first.untyped_storage(),
                first.storage_offset() * first.element_size(),
                (region.size,),
                (1,),
            )
            whole[region.start : region.start + region.size].copy_(source)
        del whole


def _tensor(place: Place, buffer: Tensor, start: int) -> Tensor:
    import torch

    element = torch.empty(0, dtype=place.dtype, device=buffer.device)
    offset = (start + place.offset) // element.element_size()
    return element.set_(buffer.untyped_storage(), offset, place.shape, place.strides)


def _padded(size: int) -> int:
    """The next multiple of a word, in which checksums count."""
    return -(-size // _WORD) * _WORD
