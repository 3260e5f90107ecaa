"""The CUDA driver's module against a library that stands in for libcuda: which functions it calls, and with what."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest
import torch

from helion_runtime import cuda_driver
from helion_runtime.cuda_driver import CudaDriver
from helion_runtime.driver import DeviceProperties, TensorMapGeometry
from helion_runtime.errors import DriverError, NoDeviceError

ATTRIBUTES = {16: 132, 97: 232448, 75: 9, 76: 0}


LAUNCH = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_void_p] * 4)(lambda *_: 0)
"""A C function, whose address can be taken."""


class FakeLibrary:
    """libcuda, as ctypes hands arguments to it."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.context = 0
        self.failing: dict[str, int] = {}
        self.image = b""
        self.map_arguments: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("cu"):
            raise AttributeError(name)
        if name == "cuLaunchKernelEx":
            return LAUNCH

        def call(*arguments: Any) -> int:
            self.calls.append(name)
            if name in self.failing:
                return self.failing[name]
            handler = getattr(type(self), "on_" + name, None)
            if handler is not None:
                handler(self, *arguments)
            return 0

        return call

    def on_cuDriverGetVersion(self, version: Any) -> None:
        version._obj.value = 13010

    def on_cuDeviceGet(self, handle: Any, index: Any) -> None:
        handle._obj.value = index.value + 40

    def on_cuDeviceGetName(self, name: Any, size: Any, handle: Any) -> None:
        name.value = b"Fake GPU %d" % handle.value

    def on_cuDeviceGetAttribute(self, value: Any, attribute: Any, handle: Any) -> None:
        value._obj.value = ATTRIBUTES[attribute.value]

    def on_cuDevicePrimaryCtxRetain(self, context: Any, handle: Any) -> None:
        context._obj.value = handle.value + 1000

    def on_cuCtxGetCurrent(self, context: Any) -> None:
        context._obj.value = self.context

    def on_cuCtxSetCurrent(self, context: Any) -> None:
        self.context = context.value

    def on_cuModuleLoadData(self, module: Any, image: Any) -> None:
        self.image = image.raw
        module._obj.value = 7

    def on_cuModuleGetFunction(self, function: Any, module: Any, name: Any) -> None:
        assert (module.value, name.value) == (7, b"kernel")
        function._obj.value = 2**40 + 1

    def on_cuGetErrorName(self, code: Any, text: Any) -> None:
        text._obj.value = b"CUDA_ERROR_%d" % code.value

    def on_cuGetErrorString(self, code: Any, text: Any) -> None:
        text._obj.value = b"something failed"

    def on_cuTensorMapEncodeTiled(self, place: Any, *arguments: Any) -> None:
        assert place.value % 64 == 0
        ctypes.memmove(place.value, bytes(range(128)), 128)
        names = (
            "type",
            "rank",
            "address",
            "dims",
            "strides",
            "box",
            "steps",
            "interleave",
            "swizzle",
            "l2",
            "fill",
        )
        values = [
            list(item) if isinstance(item, ctypes.Array) else item.value for item in arguments
        ]
        self.map_arguments = dict(zip(names, values, strict=True))


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> FakeLibrary:
    fake = FakeLibrary()
    current = [0]

    def exchange(device: int) -> int:
        previous, current[0] = current[0], device
        return previous

    monkeypatch.setattr(cuda_driver, "_open_library", lambda: fake)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "init", lambda: None)
    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setattr(torch._C, "_cuda_getCurrentRawStream", lambda device: 5, raising=False)
    monkeypatch.setattr(torch._C, "_cuda_getDevice", lambda: current[0], raising=False)
    monkeypatch.setattr(torch._C, "_cuda_exchangeDevice", exchange, raising=False)
    monkeypatch.setattr(torch._C, "_cuda_maybeExchangeDevice", exchange, raising=False)
    return fake


def test_properties_are_read_once(library: FakeLibrary) -> None:
    driver = CudaDriver()
    assert driver.version() == 13010
    for _ in range(2):
        assert driver.properties(1) == DeviceProperties("Fake GPU 41", (9, 0), 132, 232448)
    assert library.calls.count("cuDeviceGetName") == 1
    assert driver.torch_device(1) == torch.device("cuda", 1)
    assert driver.current_stream(0) == 5


def test_a_module_is_loaded_in_its_devices_context(library: FakeLibrary) -> None:
    driver = CudaDriver()
    assert driver.load(b".version 8.7", "kernel", 1) == 2**40 + 1
    assert library.image == b".version 8.7\0"
    assert driver.current_device() == 0
    assert library.context == 1041
    assert library.calls.count("cuDevicePrimaryCtxRetain") == 1  # none for the thread's own device
    driver.set_function_attribute(2**40 + 1, 8, 100_000)
    assert library.calls[-1] == "cuFuncSetAttribute"


def test_a_thread_without_a_context_gets_the_primary_one(library: FakeLibrary) -> None:
    driver = CudaDriver()
    assert driver.activate(0) == 0
    assert library.context == 1040
    assert driver.activate(1) == 0
    assert driver.activate(0) == 1
    assert library.calls.count("cuDevicePrimaryCtxRetain") == 2
    before = library.calls.count("cuCtxSetCurrent")
    driver.activate(0)
    assert library.calls.count("cuCtxSetCurrent") == before


def test_a_tensor_map_is_encoded(library: FakeLibrary) -> None:
    driver = CudaDriver()
    geometry = TensorMapGeometry(6, (256, 512), (512, 262144), (32, 64), 3)
    assert driver.encode_tensor_map(0x7F0000000000, geometry) == bytes(range(128))
    assert library.map_arguments == {
        "type": 6,
        "rank": 2,
        "address": 0x7F0000000000,
        "dims": [256, 512],
        "strides": [512, 262144],
        "box": [32, 64],
        "steps": [1, 1],
        "interleave": 0,
        "swizzle": 3,
        "l2": 2,
        "fill": 0,
    }
    library.failing["cuTensorMapEncodeTiled"] = 1
    with pytest.raises(DriverError, match="encoding a tensor map at 0x7f0000000000"):
        driver.encode_tensor_map(0x7F0000000000, geometry)


def test_a_failure_is_named_and_the_device_restored(library: FakeLibrary) -> None:
    driver = CudaDriver()
    library.failing["cuModuleLoadData"] = 900
    with pytest.raises(DriverError, match=r"CUDA_ERROR_900 \(900\).*warm\(\), before") as caught:
        driver.load(b"x", "kernel", 1)
    assert caught.value.code == 900
    assert driver.current_device() == 0


def test_machines_without_a_usable_gpu(
    library: FakeLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.failing["cuInit"] = 100
    with pytest.raises(NoDeviceError, match=r"no usable GPU.*CUDA_ERROR_100"):
        CudaDriver()
    library.failing.clear()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(NoDeviceError, match="sees no NVIDIA GPU"):
        CudaDriver()
    monkeypatch.setattr(torch.version, "hip", "6.0")
    with pytest.raises(NoDeviceError, match="built for AMD"):
        CudaDriver()


def test_a_driver_without_a_function_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NoDeviceError, match="too old: it has no cuLaunchKernelEx"):
        cuda_driver._function(ctypes.CDLL(None), "cuLaunchKernelEx")


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("installed", [True, False])
def test_the_extension_module_is_told_where_to_launch(
    monkeypatch: pytest.MonkeyPatch, installed: bool
) -> None:
    monkeypatch.setattr(cuda_driver, "find_native", lambda: print if installed else None)
    address = ctypes.cast(LAUNCH, ctypes.c_void_p).value
    assert CudaDriver().launch_address == (address if installed else None)
