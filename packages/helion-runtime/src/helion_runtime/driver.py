"""What the launcher asks of a GPU driver, as a Protocol.

Tests, and other drivers, implement :class:`Driver`; everything above this module is written against
it alone. :mod:`helion_runtime.default_driver` finds the real one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from helion_runtime.record import Record

if TYPE_CHECKING:
    import torch

    from helion_runtime.errors import DriverError

CONTEXT_ERRORS = frozenset({3, 4, 201, 400, 709})
"""CUresults with which a launch answers a thread that has no current context or another device's:
not initialized, deinitialized, invalid context, invalid handle, context destroyed."""


class DeviceProperties(Record):
    """One device. ``shared_memory`` is what one block may opt in to, in bytes."""

    name: str
    capability: tuple[int, int]
    sm_count: int
    shared_memory: int


class TensorMapGeometry(Record):
    """The arguments of cuTensorMapEncodeTiled besides the address; innermost dimension first.

    ``dimensions`` and ``box`` are in elements; ``strides`` in bytes, without the innermost one.
    """

    data_type: int
    dimensions: tuple[int, ...]
    strides: tuple[int, ...]
    box: tuple[int, ...]
    swizzle: int


class Driver(Protocol):
    """Devices are torch's device indices. All methods may be called from any thread."""

    device_type: str
    """The ``type`` of the torch devices this driver launches on."""

    launch: Any
    """``launch(config, function, parameters, None) -> CUresult``: cuLaunchKernelEx with
    ``c_void_p`` arguments."""

    launch_address: int | None
    """Where ``launch`` lies in memory, for the extension module to call; None leaves launches to ctypes."""

    def version(self) -> int:
        """The driver's CUDA version as cuDriverGetVersion gives it: 13010 for 13.1."""

    def device_count(self) -> int:
        """How many devices the process sees."""

    def current_device(self) -> int:
        """The index of the calling thread's device."""

    def current_stream(self, device: int) -> int:
        """The handle of the calling thread's stream on ``device``."""

    def torch_device(self, device: int) -> torch.device:
        """The torch device of an index."""

    def properties(self, device: int) -> DeviceProperties:
        """What the device offers."""

    def load(self, binary: bytes, symbol: str, device: int) -> int:
        """Load a module on ``device`` and return the handle of one of its functions."""

    def set_function_attribute(self, function: int, attribute: int, value: int) -> None:
        """cuFuncSetAttribute."""

    def activate(self, device: int) -> int:
        """Make ``device`` current for the calling thread; returns the index that was current."""

    def restore(self, device: int) -> None:
        """Make the device that :meth:`activate` returned current again, initialising nothing on it."""

    def encode_tensor_map(self, address: int, geometry: TensorMapGeometry) -> bytes:
        """The 128 bytes of a tiled tensor map over memory at ``address``."""

    def error(self, code: int, action: str) -> DriverError:
        """The exception for a CUresult other than success."""
