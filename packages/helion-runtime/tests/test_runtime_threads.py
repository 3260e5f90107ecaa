"""Many threads call one op, and many calls of one op leave nothing behind."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

import pytest
import torch

from helion_runtime.dispatch import Dispatcher
from helion_runtime.entries import ScalarArgument, ScalarSignature, VariantEntry
from helion_runtime.modules import KernelImage
from helion_runtime.record import replace
from helion_runtime.recording_driver import RecordedLaunch, RecordingDriver

if TYPE_CHECKING:
    from helion_runtime.entries import KernelEntry

THREADS = 16
CALLS = int(os.environ.get("HELION_CALLS_PER_THREAD", "300"))
"""20,000 where the whole of it is asked for."""
GROWTH_CALLS = int(os.environ.get("HELION_GROWTH_CALLS", "20000"))
"""A million where the whole of it is asked for."""


class PerThreadDriver(RecordingDriver):
    """Keeps the last launch of each thread apart."""

    def __init__(self, kernels: list[KernelEntry], *, native: bool) -> None:
        super().__init__(kernels, native=native)
        self.last: dict[int, RecordedLaunch] = {}

    def current_stream(self, device: int) -> int:  # the Protocol's parameter
        """A stream for each thread."""
        return threading.get_ident() & 0xFFFF_FFFF

    def launch(self, *args: Any) -> int:
        """Record under the stream."""
        code = super().launch(*args)
        for found in reversed(tuple(self.launches)):
            if found.stream == self.current_stream(0):
                self.last[found.stream] = found
                break
        return code


@pytest.fixture
def scaled(kernel: KernelEntry, add_variant: VariantEntry, native: bool) -> tuple[Dispatcher, Any]:
    """An op that passes a float of the call on, too."""
    entry = replace(kernel, parameters=("pointer", "pointer", "pointer", "fp32"))
    (launch,) = add_variant.launches
    pointers = launch.arguments[:2]
    number = ScalarArgument("fp32", ["argument", 2])
    (step,) = add_variant.steps
    variant = replace(
        add_variant,
        signature=(*add_variant.signature, ScalarSignature("float")),
        launches=(
            replace(launch, arguments=(*pointers, replace(launch.arguments[2], buffer=3), number)),
        ),
        steps=(step,),
        outputs=["buffer", 3],
    )
    driver = PerThreadDriver([entry], native=native)
    op = Dispatcher("scaled", ["x", "y", "scale"], driver=driver)
    op.add(variant, {entry.name: KernelImage(entry, b"binary")})
    return op, driver


def test_threads_do_not_see_each_others_arguments(scaled: tuple[Dispatcher, Any]) -> None:
    op, driver = scaled
    problems: list[str] = []
    started = threading.Barrier(THREADS)

    def work(number: int) -> None:
        x, y = torch.zeros(4, 8 + number % 3), torch.zeros(4, 8 + number % 3)
        started.wait()
        for call in range(CALLS):
            scale = float(number * CALLS + call)
            out = op(x, y, scale)
            launch = driver.last[driver.current_stream(0)]
            found = [int.from_bytes(raw, "little") for raw in launch.parameters[:3]]
            expected = [x.data_ptr(), y.data_ptr(), out.data_ptr()]
            passed = torch.frombuffer(bytearray(launch.parameters[3]), dtype=torch.float32).item()
            if found != expected or passed != scale:
                problems.append(f"thread {number}, call {call}: {found}, {passed}")
                return

    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(driver.last) == THREADS


def resident_kilobytes() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="reads Linux's /proc")
def test_calls_leave_nothing_behind(scaled: tuple[Dispatcher, Any]) -> None:
    op, driver = scaled
    driver.launches = type(driver.launches)(maxlen=4)
    x, y = torch.zeros(4, 8), torch.zeros(4, 8)
    for call in range(GROWTH_CALLS // 4):
        op(x, y, float(call))
    before = resident_kilobytes()
    for call in range(GROWTH_CALLS):
        op(x, y, float(call))
    assert resident_kilobytes() - before < 2048
