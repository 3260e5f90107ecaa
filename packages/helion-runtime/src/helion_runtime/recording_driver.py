"""A driver that launches nothing and records everything: for tests, and for measuring host time
without a GPU.

In: CPU tensors in place of a GPU's (torch gives them device index -1). Out: :class:`RecordedLaunch`
values, read back from the very memory a real driver would read.
"""

from __future__ import annotations

import ctypes
import hashlib
import struct
from collections import deque
from typing import TYPE_CHECKING

import torch

from helion_runtime.driver import DeviceProperties
from helion_runtime.errors import DriverError
from helion_runtime.record import Record
from helion_runtime.scalars import SIZES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from helion_runtime.driver import TensorMapGeometry
    from helion_runtime.entries import KernelEntry

RECORDING = DeviceProperties("recording", (9, 0), 132, 232448)
"""What a recording driver says of its device unless told otherwise."""

_LAUNCH = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p
)
_KEPT = 10_000
_CONFIG_BYTES = 56
_ATTRIBUTE_BYTES = 72


class RecordedLaunch(Record):
    """What one launch asked for. ``parameters`` holds each parameter's bytes; ``attributes`` (id,
    value bytes)."""

    symbol: str
    grid: tuple[int, int, int]
    block: tuple[int, int, int]
    shared: int
    stream: int
    attributes: tuple[tuple[int, bytes], ...]
    parameters: tuple[bytes, ...]


class RecordingDriver:
    """:class:`helion_runtime.driver.Driver` without a device. Give it the kernel entries it will be
    asked to launch.

    ``results`` are CUresults that the next launches return, oldest first; after them every launch
    succeeds. A ``native`` one is called by the extension module.
    """

    device_type = "cpu"

    def __init__(
        self,
        kernels: Iterable[KernelEntry] = (),
        device: DeviceProperties = RECORDING,
        *,
        cuda_version: int = 13010,
        devices: int = 1,
        device_now: int = -1,
        results: Iterable[int] = (),
        native: bool = False,
    ) -> None:
        self.kernels = list(kernels)
        self.device = device
        self.cuda_version = cuda_version
        self.devices = devices
        self.device_now = device_now
        self.stream = 0x5000
        self.launches: deque[RecordedLaunch] = deque(maxlen=_KEPT)
        self.results = list(results)
        self.loaded: list[tuple[str, int, bytes]] = []
        self._entries: dict[int, KernelEntry] = {}
        self.function_attributes: list[tuple[str, int, int]] = []
        self.activations: list[int] = []
        self.encoded: list[tuple[int, TensorMapGeometry]] = []
        self._entry = _LAUNCH(self._launch_natively)
        self.launch_address = ctypes.cast(self._entry, ctypes.c_void_p).value if native else None

    def launch(
        self,
        config: ctypes.c_void_p,
        function: ctypes.c_void_p,
        parameters: ctypes.c_void_p,
        extra: None,
    ) -> int:
        """Record; returns the next of ``results``, or success."""
        assert extra is None
        if self.results:
            code = self.results.pop(0)
            if code:
                return code
        entry = self._entry_of(function.value or 0)
        raw = ctypes.string_at(config.value or 0, _CONFIG_BYTES)
        *sizes, stream, attributes, count = struct.unpack("=7I4xQQI4x", raw)
        pointers = (ctypes.c_uint64 * len(entry.parameters)).from_address(parameters.value or 0)
        self.launches.append(
            RecordedLaunch(
                entry.symbol,
                (sizes[0], sizes[1], sizes[2]),
                (sizes[3], sizes[4], sizes[5]),
                sizes[6],
                stream,
                tuple(_attribute(attributes + i * _ATTRIBUTE_BYTES) for i in range(count)),
                tuple(
                    ctypes.string_at(address, SIZES[word])
                    for address, word in zip(pointers, entry.parameters, strict=True)
                ),
            )
        )
        return 0

    def _entry_of(self, function: int) -> KernelEntry:
        """The entry of what was loaded; where none has its sha256 (tests make binaries up), that of the symbol."""
        if function not in self._entries:
            symbol, _, binary = self.loaded[function - 1]
            named = [kernel for kernel in self.kernels if kernel.symbol == symbol]
            blob = hashlib.sha256(binary).hexdigest()
            found = next((kernel for kernel in named if kernel.blob == blob), named[0])
            self._entries[function] = found
        return self._entries[function]

    def _launch_natively(self, config: int, function: int, parameters: int, extra: None) -> int:
        return self.launch(
            ctypes.c_void_p(config), ctypes.c_void_p(function), ctypes.c_void_p(parameters), extra
        )

    def version(self) -> int:
        """The version it was made with."""
        return self.cuda_version

    def device_count(self) -> int:
        """The number it was made with."""
        return self.devices

    def current_device(self) -> int:
        """The device activated last."""
        return self.device_now

    def current_stream(self, device: int) -> int:
        """One stream per device."""
        return self.stream + device + 1

    def torch_device(self, device: int) -> torch.device:
        """Where outputs are allocated."""
        assert device < 0
        return torch.device(self.device_type)

    def properties(self, device: int) -> DeviceProperties:
        """The same for every device."""
        assert device >= -1
        return self.device

    def load(self, binary: bytes, symbol: str, device: int) -> int:
        """Record; the handle is the number of modules loaded so far."""
        self.loaded.append((symbol, device, binary))
        return len(self.loaded)

    def set_function_attribute(self, function: int, attribute: int, value: int) -> None:
        """Record."""
        self.function_attributes.append((self.loaded[function - 1][0], attribute, value))

    def activate(self, device: int) -> int:
        """Record, and change the current device."""
        previous, self.device_now = self.device_now, device
        self.activations.append(device)
        return previous

    def restore(self, device: int) -> None:
        """Record, and change the current device."""
        self.activate(device)

    def encode_tensor_map(self, address: int, geometry: TensorMapGeometry) -> bytes:
        """Record; the bytes are the address and ones."""
        self.encoded.append((address, geometry))
        return address.to_bytes(8, "little") + b"\xff" * 120

    def error(self, code: int, action: str) -> DriverError:
        """An error that names the code."""
        return DriverError(f"{action}: CUresult {code}", code)


def _attribute(address: int) -> tuple[int, bytes]:
    raw = ctypes.string_at(address, _ATTRIBUTE_BYTES)
    return int.from_bytes(raw[:4], "little"), raw[8:]
