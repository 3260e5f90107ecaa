"""The extension module by itself: what it refuses, and what it hands to the function that it calls."""

from __future__ import annotations

import ctypes
import struct
from typing import TYPE_CHECKING, Any

import pytest

from helion_runtime.native import find_native

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("native_launcher")

Seen = tuple[bytes, int, list[int]]


class Driver:
    """A C function that notes what it was called with; ``code`` is what it returns."""

    def __init__(self, size: int, parameters: int) -> None:
        self.seen: list[Seen] = []
        self.code = 0

        def launch(config: int, function: int, pointers: int, extra: None) -> int:
            assert extra is None
            memory = ctypes.string_at(config, size)
            found = (ctypes.c_uint64 * parameters).from_address(pointers)
            self.seen.append((memory, function, [address - config for address in found]))
            assert config % 128 == 0
            return self.code

        kind = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_void_p] * 4)
        self.keep = kind(launch)
        self.address = ctypes.cast(self.keep, ctypes.c_void_p).value or 0


@pytest.fixture
def prepare() -> Callable[..., Any]:
    found = find_native()
    assert found is not None
    return found


@pytest.mark.parametrize("size", [512, 8192], ids=["on the stack", "on the heap"])
def test_values_are_put_in_their_places(prepare: Callable[..., Any], size: int) -> None:
    driver = Driver(size, 2)
    template = bytes(range(256)) * (size // 256)
    fields = ((64, "Q"), (72, "f"), (80, "d"), (88, "H"), (128, "s"))
    launch = prepare(driver.address, 77, template, fields, (128, 64), 0xABC, None)
    tensor_map = b"m" * 128
    assert launch(5, 2**64 - 1, 1e300, -1.5, 0xBEEF, tensor_map) == 0
    driver.code = 700
    assert launch(6, 0, 0.5, 3, 0, tensor_map) == 700
    (memory, function, pointers), (again, _, _) = driver.seen
    assert (function, pointers) == (77, [128, 64])
    expected = bytearray(template)
    struct.pack_into("=QQ", expected, 32, 5, 0xABC)
    struct.pack_into("=Q", expected, 64, 2**64 - 1)
    struct.pack_into("=fxxxxdH", expected, 72, float("inf"), -1.5, 0xBEEF)
    expected[76:80] = template[76:80]
    expected[128:256] = tensor_map
    assert memory == bytes(expected)
    assert struct.unpack_from("=Q", again, 32) == (6,)
    assert struct.unpack_from("=d", again, 80) == (3.0,)


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ((), TypeError),
        ((1, 2), TypeError),
        ((1, "x", b"m" * 128), TypeError),
        ((1, -1, b"m" * 128), OverflowError),
        ((2**64, 1, b"m" * 128), OverflowError),
        ((1, 1, b"m" * 127), ValueError),
        ((1, 1, "m" * 128), TypeError),
    ],
)
def test_other_values_are_refused(
    prepare: Callable[..., Any], values: tuple[Any, ...], error: type[Exception]
) -> None:
    driver = Driver(256, 0)
    launch = prepare(driver.address, 0, bytes(256), ((64, "Q"), (128, "s")), (), 0, None)
    with pytest.raises(error):
        launch(*values)
    assert driver.seen == []


@pytest.mark.parametrize(
    "changed",
    [
        {"template": bytes(56)},
        {"template": bytes(130)},
        {"fields": ((128, "Q"),)},
        {"fields": ((8, "s"),)},
        {"fields": ((64, "i"),)},
        {"parameters": (128,)},
        {"parameters": (2**63,)},
    ],
)
def test_layouts_that_leave_their_memory_are_refused(
    prepare: Callable[..., Any], changed: dict[str, Any]
) -> None:
    layout = {"template": bytes(128), "fields": ((64, "Q"),), "parameters": (64,), **changed}
    with pytest.raises(ValueError, match=r"expected a multiple|kind|byte"):
        prepare(1, 2, layout["template"], layout["fields"], layout["parameters"], 0, None)
