"""Kernels on devices: loads a binary the first time a device needs it, after checking that it can
run there."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from helion_runtime.architecture import parse_architecture
from helion_runtime.errors import (
    ArchitectureError,
    DeviceError,
    DriverTooOldError,
    SharedMemoryError,
)
from helion_runtime.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable

    from helion_runtime.driver import Driver
    from helion_runtime.entries import KernelEntry

_MAX_DYNAMIC_SHARED_SIZE = 8
_NON_PORTABLE_CLUSTER_SIZE_ALLOWED = 14
_SHARED_WITHOUT_OPT_IN = 48 * 1024
_PORTABLE_CLUSTER_SIZE = 8


class KernelImage(Record, eq=False):
    """A kernel and its binary: a cubin, or PTX text as bytes. Two images are the same only if they
    are one object."""

    entry: KernelEntry
    binary: bytes

    def __repr__(self) -> str:
        return f"KernelImage({self.entry!r}, <{len(self.binary)} bytes>)"


class ModuleLoader:
    """Function handles of kernel images, by device. ``minimum_driver`` is a CUDA version such as
    12080, or 0."""

    def __init__(self, find_driver: Callable[[], Driver], minimum_driver: int = 0) -> None:
        self._find_driver = find_driver
        self._minimum_driver = minimum_driver
        self._functions: dict[tuple[KernelImage, int], int] = {}
        self._lock = threading.Lock()

    @property
    def driver(self) -> Driver:
        """The driver, found on first use."""
        return self._find_driver()

    def objection(self, entry: KernelEntry, device: int) -> DeviceError | None:
        """Why a device cannot run a kernel, or None. The driver comes first: it is what to mend
        before anything else can be judged."""
        properties = self.driver.properties(device)
        place = f"kernel {entry.name!r} on device {device} ({properties.name})"
        if self.driver.version() < self._minimum_driver:
            return DriverTooOldError(
                f"{place}: the bundle needs a driver for CUDA {_version(self._minimum_driver)}, this one is "
                f"for {_version(self.driver.version())}; update the driver"
            )
        if not parse_architecture(entry.arch).runs_on(properties.capability):
            major, minor = properties.capability
            return ArchitectureError(
                f"{place}: the binary is for {entry.arch}, the device is sm_{major}{minor}; "
                f"build the bundle with a target for it, or with PTX for an older capability"
            )
        if entry.shared > properties.shared_memory:
            return SharedMemoryError(
                f"{place}: needs {entry.shared} bytes of shared memory per block, the device has "
                f"{properties.shared_memory}; build it with smaller blocks or fewer stages"
            )
        return None

    def function(self, image: KernelImage, device: int) -> int:
        """The handle of the kernel's function on ``device``, loading its module on first use.

        Raises a :class:`DeviceError` where the device cannot run it.
        """
        found = self._functions.get((image, device))
        if found is not None:
            return found
        with self._lock:
            if (image, device) not in self._functions:
                self._functions[image, device] = self._load(image, device)
            return self._functions[image, device]

    def _load(self, image: KernelImage, device: int) -> int:
        entry = image.entry
        objection = self.objection(entry, device)
        if objection is not None:
            raise objection
        function = self.driver.load(image.binary, entry.symbol, device)
        if entry.shared > _SHARED_WITHOUT_OPT_IN:
            self.driver.set_function_attribute(function, _MAX_DYNAMIC_SHARED_SIZE, entry.shared)
        if entry.num_ctas > _PORTABLE_CLUSTER_SIZE:
            self.driver.set_function_attribute(function, _NON_PORTABLE_CLUSTER_SIZE_ALLOWED, 1)
        return function


def _version(number: int) -> str:
    return f"{number // 1000}.{number % 1000 // 10}"
