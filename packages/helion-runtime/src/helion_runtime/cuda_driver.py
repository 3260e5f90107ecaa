"""The CUDA driver through ctypes: libcuda.so.1 and torch, nothing else.

In: a machine with an NVIDIA GPU and a torch built for it. Contexts are the devices' primary ones,
as torch uses.
"""

from __future__ import annotations

import ctypes
import threading
from functools import cache
from typing import TYPE_CHECKING, Any

import torch

from helion_runtime.driver import DeviceProperties, TensorMapGeometry
from helion_runtime.errors import DriverError, NoDeviceError
from helion_runtime.native import find_native

if TYPE_CHECKING:
    from collections.abc import Callable

_MULTIPROCESSOR_COUNT = 16
_MAX_SHARED_MEMORY_OPTIN = 97
_COMPUTE_CAPABILITY_MAJOR = 75
_COMPUTE_CAPABILITY_MINOR = 76
_INTERLEAVE_NONE = 0
_L2_PROMOTION_128B = 2
_FILL_WITH_ZEROS = 0

_HINTS = {
    2: "The device is out of memory.",
    200: "The binary is not one this driver reads; was it built by a newer compiler?",
    209: "The binary holds no code for this device.",
    218: "The driver could not compile the PTX; a newer driver may.",
    222: "The PTX is newer than the driver; update the driver.",
    701: "The kernel needs more registers or threads than the device has.",
    719: "A kernel that ran before this one failed; run with CUDA_LAUNCH_BLOCKING=1 to find it.",
    720: "A cooperative grid must fit the device at once; use fewer programs.",
    900: "Modules cannot be loaded while a graph is captured: call the op once, or warm(), before.",
}


class CudaDriver:
    """:class:`helion_runtime.driver.Driver` over libcuda."""

    device_type = "cuda"

    def __init__(self) -> None:
        if torch.version.hip is not None:
            raise NoDeviceError("this torch is built for AMD GPUs; launching needs NVIDIA's driver")
        self._library = _open_library()
        self._retain_lock = threading.Lock()
        self._contexts: dict[int, ctypes.c_void_p] = {}
        self._call("cuInit", ctypes.c_uint(0))
        if not torch.cuda.is_available():
            raise NoDeviceError(
                f"torch {torch.__version__} sees no NVIDIA GPU (torch.cuda.is_available() is False); "
                "install a torch built for CUDA and check CUDA_VISIBLE_DEVICES"
            )
        torch.cuda.init()  # type: ignore[no-untyped-call]  # torch leaves it unannotated
        private = vars(torch._C)  # the raw accessors exist only in builds for CUDA
        self.launch: Any = _function(self._library, "cuLaunchKernelEx")
        native = find_native() is not None
        self.launch_address = ctypes.cast(self.launch, ctypes.c_void_p).value if native else None
        self.current_stream: Callable[[int], int] = private["_cuda_getCurrentRawStream"]
        self.current_device: Callable[[], int] = private["_cuda_getDevice"]
        self._exchange_device: Callable[[int], int] = private["_cuda_exchangeDevice"]
        self._restore_device: Callable[[int], int] = private["_cuda_maybeExchangeDevice"]
        self.properties = cache(self._read_properties)

    def version(self) -> int:
        """See :class:`~helion_runtime.driver.Driver`."""
        value = ctypes.c_int()
        self._call("cuDriverGetVersion", ctypes.byref(value))
        return value.value

    def device_count(self) -> int:
        """See :class:`~helion_runtime.driver.Driver`."""
        return torch.cuda.device_count()

    def torch_device(self, device: int) -> torch.device:
        """See :class:`~helion_runtime.driver.Driver`."""
        return torch.device("cuda", device)

    def load(self, binary: bytes, symbol: str, device: int) -> int:
        """See :class:`~helion_runtime.driver.Driver`."""
        previous = self.activate(device)
        try:
            module, function = ctypes.c_void_p(), ctypes.c_void_p()
            image = ctypes.create_string_buffer(binary)  # PTX must end with a zero byte
            self._call("cuModuleLoadData", ctypes.byref(module), image)
            name = ctypes.c_char_p(symbol.encode())
            self._call("cuModuleGetFunction", ctypes.byref(function), module, name)
            return int(function.value or 0)
        finally:
            self.restore(previous)

    def set_function_attribute(self, function: int, attribute: int, value: int) -> None:
        """See :class:`~helion_runtime.driver.Driver`."""
        self._call(
            "cuFuncSetAttribute",
            ctypes.c_void_p(function),
            ctypes.c_int(attribute),
            ctypes.c_int(value),
        )

    def activate(self, device: int) -> int:
        """See :class:`~helion_runtime.driver.Driver`. Torch and the driver agree afterwards."""
        previous = self._exchange_device(device)
        current = ctypes.c_void_p()
        self._call("cuCtxGetCurrent", ctypes.byref(current))
        context = self._primary_context(device)
        if current.value != context.value:
            self._call("cuCtxSetCurrent", context)
        return previous

    def restore(self, device: int) -> None:
        """See :class:`~helion_runtime.driver.Driver`. A device that was never used gets no context."""
        self._restore_device(device)

    def encode_tensor_map(self, address: int, geometry: TensorMapGeometry) -> bytes:
        """See :class:`~helion_runtime.driver.Driver`."""
        rank = len(geometry.dimensions)
        storage = (ctypes.c_char * 192)()
        base = ctypes.addressof(storage)
        start = -base % 64  # the driver asks for a multiple of 64
        u32, u64 = ctypes.c_uint32 * rank, ctypes.c_uint64 * rank
        code = _function(self._library, "cuTensorMapEncodeTiled")(
            ctypes.c_void_p(base + start),
            ctypes.c_int(geometry.data_type),
            ctypes.c_uint32(rank),
            ctypes.c_void_p(address),
            u64(*geometry.dimensions),
            u64(*geometry.strides),
            u32(*geometry.box),
            u32(*([1] * rank)),
            ctypes.c_int(_INTERLEAVE_NONE),
            ctypes.c_int(geometry.swizzle),
            ctypes.c_int(_L2_PROMOTION_128B),
            ctypes.c_int(_FILL_WITH_ZEROS),
        )
        if code:
            raise self.error(code, f"encoding a tensor map at {address:#x} with {geometry}")
        return storage.raw[start : start + 128]

    def error(self, code: int, action: str) -> DriverError:
        """See :class:`~helion_runtime.driver.Driver`."""
        name = self._describe("cuGetErrorName", code)
        meaning = self._describe("cuGetErrorString", code)
        hint = _HINTS.get(code, "")
        return DriverError(f"{action}: {name} ({code}): {meaning}. {hint}".rstrip(), code)

    def _read_properties(self, device: int) -> DeviceProperties:
        handle = ctypes.c_int()
        self._call("cuDeviceGet", ctypes.byref(handle), ctypes.c_int(device))
        name = ctypes.create_string_buffer(256)
        self._call("cuDeviceGetName", name, ctypes.c_int(256), handle)
        capability = (
            self._attribute(_COMPUTE_CAPABILITY_MAJOR, handle),
            self._attribute(_COMPUTE_CAPABILITY_MINOR, handle),
        )
        return DeviceProperties(
            name.value.decode(errors="replace"),
            capability,
            self._attribute(_MULTIPROCESSOR_COUNT, handle),
            self._attribute(_MAX_SHARED_MEMORY_OPTIN, handle),
        )

    def _attribute(self, attribute: int, handle: ctypes.c_int) -> int:
        value = ctypes.c_int()
        self._call("cuDeviceGetAttribute", ctypes.byref(value), ctypes.c_int(attribute), handle)
        return value.value

    def _primary_context(self, device: int) -> ctypes.c_void_p:
        with self._retain_lock:
            if device not in self._contexts:
                handle, context = ctypes.c_int(), ctypes.c_void_p()
                self._call("cuDeviceGet", ctypes.byref(handle), ctypes.c_int(device))
                self._call("cuDevicePrimaryCtxRetain", ctypes.byref(context), handle)
                self._contexts[device] = context
            return self._contexts[device]

    def _call(self, name: str, *arguments: object) -> None:
        code = _function(self._library, name)(*arguments)
        if code and name == "cuInit":
            raise NoDeviceError(f"the CUDA driver finds no usable GPU: {self.error(code, name)}")
        if code:
            raise self.error(code, name)

    def _describe(self, function: str, code: int) -> str:
        text = ctypes.c_char_p()
        _function(self._library, function)(ctypes.c_int(code), ctypes.byref(text))
        return (text.value or b"unknown error").decode(errors="replace")


def _open_library() -> ctypes.CDLL:
    try:
        return ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        raise NoDeviceError(
            f"no NVIDIA driver: libcuda.so.1 cannot be opened ({error}). Launching kernels needs a machine with "
            "an NVIDIA GPU and its driver; inspecting and verifying bundles does not"
        ) from error


def _function(library: ctypes.CDLL, name: str) -> Any:
    try:
        return getattr(library, name)
    except AttributeError as error:
        raise NoDeviceError(f"this driver is too old: it has no {name}; update it") from error
