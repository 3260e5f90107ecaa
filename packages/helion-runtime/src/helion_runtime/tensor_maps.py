"""Tensor maps: from a descriptor's shape, strides and layout to the 128 bytes a kernel takes,
remembered by address."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from helion_runtime.driver import TensorMapGeometry
from helion_runtime.errors import EmptyTensorError
from helion_runtime.evaluated import Descriptor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from helion_runtime.driver import Driver
    from helion_runtime.entries import DescriptorLayout, KernelEntry
    from helion_runtime.evaluated import EvaluatedLaunch

_TFLOAT32 = 11
_LAST_DRIVER_WITH_SMALL_TENSOR_BUG = 13010
_SMALL_TENSOR = 128 * 1024
_SMALL_TENSOR_BIT = 21  # of the map's second 64-bit word
_REMEMBERED = 256


def refuse_empty(
    launch: EvaluatedLaunch, kernel: KernelEntry, op: str, names: Sequence[str]
) -> None:
    """Raise :class:`EmptyTensorError` where a launch that runs programs has a map over nothing:
    no such map exists."""
    for argument in launch.arguments:
        if not isinstance(argument, Descriptor) or 0 not in argument.shape:
            continue
        if kernel.descriptors[argument.layout].use_tensor_map:
            root = argument.address.root
            place = f"argument {names[root]!r}" if root < len(names) else f"buffer {root}"
            raise EmptyTensorError(
                f"op {op!r}: {place}: kernel {kernel.name!r} takes a tensor map of it, and a tensor of shape "
                f"{list(argument.shape)} has none; pass one with elements, or build a variant whose "
                "config reads this tensor through pointers"
            )


def tensor_map_geometry(descriptor: Descriptor, layout: DescriptorLayout) -> TensorMapGeometry:
    """The geometry the driver encodes: innermost dimension first, strides in bytes."""
    dimensions = list(reversed(descriptor.shape))
    if layout.fp4_padded:
        dimensions[0] *= 2
    strides = [stride * layout.element_size for stride in reversed(descriptor.strides[:-1])]
    # The driver wants one stride more than it reads.
    strides.append(dimensions[-1] * (strides[-1] if strides else layout.element_size))
    data_type = _TFLOAT32 if layout.round_f32_to_tf32 else layout.element_type
    box = tuple(reversed(layout.block_shape))
    return TensorMapGeometry(data_type, tuple(dimensions), tuple(strides), box, layout.swizzle)


def encode(driver: Driver, address: int, geometry: TensorMapGeometry, element_size: int) -> bytes:
    """The map's bytes.

    Up to CUDA 13.1 the driver marks maps of tensors under 128 KiB in a way that faults; the mark is
    taken away.
    """
    encoded = driver.encode_tensor_map(address, geometry)
    if driver.version() > _LAST_DRIVER_WITH_SMALL_TENSOR_BUG:
        return encoded
    steps = (element_size, *geometry.strides[:-1])
    last = sum((size - 1) * step for size, step in zip(geometry.dimensions, steps, strict=True))
    if last + 1 >= _SMALL_TENSOR:
        return encoded
    word = int.from_bytes(encoded[8:16], "little") & ~(1 << _SMALL_TENSOR_BIT)
    return encoded[:8] + word.to_bytes(8, "little") + encoded[16:]


class TensorMaps:
    """The maps of one descriptor, whose geometry is fixed, by address; forgets the oldest beyond a
    limit."""

    def __init__(self, driver: Driver, geometry: TensorMapGeometry, element_size: int) -> None:
        self.driver = driver
        self.geometry = geometry
        self.element_size = element_size
        self.known: dict[int, bytes] = {}
        self._lock = threading.Lock()

    def make(self, address: int) -> bytes:
        """Encode and remember the map of ``address``."""
        encoded = encode(self.driver, address, self.geometry, self.element_size)
        with self._lock:
            while len(self.known) >= _REMEMBERED:
                del self.known[next(iter(self.known))]
            self.known[address] = encoded
        return encoded

    def finder(self) -> tuple[Callable[[int], bytes | None], Callable[[int], bytes]]:
        """What a call uses: the look-up, and :meth:`make` for a miss."""
        return self.known.get, self.make
