"""Timing on a GPU, with a GPU played by counters: what is timed, how often, and when it is given up."""

import contextlib
import itertools
import sys
import types
import warnings

import pytest

from helion_autotune import NoDeviceError, measure_milliseconds, measuring
from helion_autotune.measuring import BATCH, FIRST, median_error


class Device:
    """Plays the parts of torch that the timer uses; its clock stands still but for what ``advance`` adds."""

    def __init__(self, available=True):
        self.now = 0.0
        self.host = 0.0
        self.log = []
        self.capturing, self.captured = False, []
        self.broken, self.captures = False, []
        self.sync_debug_mode = 0
        device = self

        class Event:
            def __init__(self, enable_timing, external=False):
                assert enable_timing
                self.external = external

            def record(self):
                assert self.external == device.capturing, "a graph needs external events"
                self.at = device.now
                device.log.append("event")
                if device.capturing:
                    device.captured.append(self)

            def elapsed_time(self, end):
                return end.at - self.at

        class Buffer:
            def zero_(self):
                device.now += 1000.0
                device.log.append("flush")

        class Graph:
            """Does what was captured at once, and once more for each replay."""

            def capture_begin(self, capture_error_mode):
                assert capture_error_mode == "thread_local"
                device.capturing = True

            def capture_end(self):
                device.end_capture()

            def replay(self):
                device.log.append("replay")

            def reset(self):
                device.log.append("reset")

        class Stream:
            def wait_stream(self, other):
                device.log.append("wait")

        def empty(size, dtype, device):
            assert (size, device) == (2 * 50, "cuda")
            return Buffer()

        self.module = types.ModuleType("torch")
        self.module.int8 = "int8"
        self.module.empty = empty
        self.module.cuda = types.SimpleNamespace(
            is_available=lambda: available,
            Event=Event,
            current_device=lambda: 0,
            get_device_properties=lambda index: types.SimpleNamespace(L2_cache_size=50),
            synchronize=lambda: self.log.append("synchronize"),
            CUDAGraph=Graph,
            Stream=Stream,
            stream=lambda stream: contextlib.nullcontext(),
            current_stream=Stream,
            clock_rate=self.clock_rate,
            get_sync_debug_mode=lambda: self.sync_debug_mode,
            set_sync_debug_mode=self.set_sync_debug_mode,
        )

    def set_sync_debug_mode(self, mode):
        self.sync_debug_mode = mode

    def end_capture(self):
        self.capturing = False
        self.captures.append("broken" if self.broken else "ended well")
        if self.broken:
            self.broken = False
            raise RuntimeError("operation failed due to a previous error during capture")

    def wait(self):
        """What torch does where the host waits."""
        if self.sync_debug_mode == "warn":
            warnings.warn("called a synchronizing CUDA operation", stacklevel=2)
        self.broken = self.capturing
        if self.capturing:
            raise RuntimeError("operation not permitted when stream is capturing")

    def clock_rate(self):
        raise ModuleNotFoundError("nvidia-ml-py does not seem to be installed")


@pytest.fixture
def device(monkeypatch):
    device = Device()
    monkeypatch.setitem(sys.modules, "torch", device.module)
    clock = types.SimpleNamespace(perf_counter=lambda: device.host)
    monkeypatch.setattr(measuring, "time", clock)
    return device


def work(device, *times):
    """A callable that takes ``times`` ms, the last of them for ever."""
    left = list(times)

    def fn():
        device.log.append("fn")
        device.now += left.pop(0) if len(left) > 1 else left[0]

    return fn


def test_the_median_of_all_repetitions_without_flush_or_warmup(device):
    measurement = measure_milliseconds(work(device, 50, 9, 1, 2, 3, 4, 5), warmup=1, repetitions=5)
    assert measurement.samples == (9, 1, 2, 3, 4)
    assert measurement.milliseconds == 3
    assert device.log.count("fn") == 6


def test_the_cache_is_flushed_before_each_timed_region(device):
    measure_milliseconds(work(device, 1.0), warmup=0, repetitions=2)
    calls = [entry for entry in device.log if entry != "synchronize"]
    assert calls == ["flush", "event", "fn", "event"] * 2
    device.log.clear()
    measure_milliseconds(work(device, 1.0), warmup=0, repetitions=2, flush_l2=False)
    assert "flush" not in device.log


def shaky(device, ms, share):
    """A callable of about ``ms`` whose times go up and down by ``share``."""
    turns = itertools.cycle([1 - share, 1.0, 1 + share])

    def fn():
        device.now += ms * next(turns)

    return fn


def test_the_budget_limits_the_repetitions(device):
    assert len(measure_milliseconds(shaky(device, 5.0, 0.2), budget_ms=100).samples) == 20
    assert len(measure_milliseconds(shaky(device, 500.0, 0.2), budget_ms=100).samples) == FIRST
    few = measure_milliseconds(shaky(device, 0.03, 0.2), budget_ms=100, repetitions=7)
    assert len(few.samples) == 7


def test_timing_ends_when_the_median_is_known_well_enough(device):
    steady = measure_milliseconds(work(device, 1.0))
    assert len(steady.samples) == FIRST + BATCH
    shakier = measure_milliseconds(shaky(device, 1.0, 0.01))
    assert FIRST + BATCH < len(shakier.samples) < 100
    assert median_error(shakier.samples) <= 0.003
    assert len(measure_milliseconds(shaky(device, 1.0, 0.2)).samples) == 100
    assert len(measure_milliseconds(shaky(device, 1.0, 0.2), precision=0.1).samples) < 40


def test_a_clearly_slower_callable_is_given_up(device):
    slow = measure_milliseconds(work(device, 2.0), give_up_over_ms=1.0)
    assert len(slow.samples) == FIRST
    close = measure_milliseconds(work(device, 1.4), give_up_over_ms=1.0)
    assert len(close.samples) > FIRST
    hiccup = measure_milliseconds(work(device, 1.0, 1.0, 1.0, 9.0, 1.0), give_up_over_ms=1.0)
    assert len(hiccup.samples) > FIRST, "one slow repetition is noise"


def test_a_hopeless_callable_is_called_once(device):
    calls = []
    run = work(device, 100.0)
    hopeless = measure_milliseconds(lambda: (calls.append(0), run()), give_up_over_ms=1.0, warmup=3)
    assert (len(calls), hopeless.samples) == (1, (100.0,))
    cold = measure_milliseconds(work(device, 4.0, 1.0), give_up_over_ms=1.0)
    assert len(cold.samples) > FIRST, "the first call finds nothing in its caches"


def test_what_must_be_set_up_is_set_up_before_each_call_and_untimed(device):
    def before():
        device.log.append("before")
        device.now += 77.0

    measurement = measure_milliseconds(work(device, 1.0), warmup=2, repetitions=3, before=before)
    assert measurement.samples == (1, 1, 1)
    assert device.log.count("before") == device.log.count("fn") == 5


def test_without_a_gpu_nothing_is_pretended(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", Device(available=False).module)
    with pytest.raises(NoDeviceError, match=r"no GPU.*mean nothing"):
        measure_milliseconds(lambda: None)


def test_tiny_work_is_timed_in_a_graph(device):
    measurement = measure_milliseconds(work(device, 0.005), warmup=1, repetitions=25)
    assert measurement.timed_by == "graph"
    assert measurement.milliseconds == pytest.approx(0.005)
    assert len(measurement.samples) == 30, "three replays of ten calls"
    assert device.log.count("replay") == 3
    captured = device.log[device.log.index("wait") + 1 : device.log.index("replay")]
    assert captured[:8] == ["flush", "event", "fn", "event"] * 2
    assert measure_milliseconds(work(device, 0.2)).timed_by == "events"


def test_a_busy_host_makes_no_work_look_slow(device):
    def late():
        device.now += 0.008 if device.capturing else 0.06

    measurement = measure_milliseconds(late, repetitions=20, give_up_over_ms=0.009)
    assert measurement.timed_by == "graph"
    assert measurement.milliseconds == pytest.approx(0.008)
    assert len(measurement.samples) == 20


@pytest.mark.parametrize(
    ("host_ms", "work_ms", "timed_by", "found_ms"),
    [(0.15, 0.06, "graph", 0.06), (0.02, 0.3, "events", 0.32)],
)
def test_work_that_waited_for_the_host_is_timed_in_a_graph(
    device, host_ms, work_ms, timed_by, found_ms
):
    def late():
        device.host += host_ms / 1e3
        device.now += work_ms if device.capturing else work_ms + host_ms

    measurement = measure_milliseconds(late, give_up_over_ms=0.25 * found_ms + 0.2)
    assert measurement.timed_by == timed_by
    assert measurement.milliseconds == pytest.approx(found_ms)


def test_a_first_call_that_waited_for_the_host_is_not_hopeless(device):
    def late():
        device.host += 0.2 / 1e3
        device.now += 0.01 if device.capturing else 0.21

    assert measure_milliseconds(late, give_up_over_ms=0.01).milliseconds == pytest.approx(0.01)


def test_tiny_work_that_is_slow_is_timed_no_further_than_one_replay(device):
    measurement = measure_milliseconds(work(device, 0.05), repetitions=50, give_up_over_ms=0.01)
    assert measurement.timed_by == "graph"
    assert device.log.count("replay") == 1


def test_work_that_waits_for_the_gpu_is_timed_by_events_and_never_captured(device):
    def waits():
        device.wait()
        device.now += 0.005

    device.sync_debug_mode = "default"
    measurement = measure_milliseconds(waits, repetitions=20)
    assert measurement.timed_by == "events"
    assert len(measurement.samples) == FIRST + BATCH
    assert not device.captures
    assert device.sync_debug_mode == "default"


def test_a_capture_that_breaks_is_followed_by_one_that_ends_well(device):
    def unseen():
        """Waits, and torch does not know."""
        device.broken = device.capturing
        device.now += 0.005

    measurement = measure_milliseconds(unseen, repetitions=20)
    assert measurement.timed_by == "events"
    assert device.captures == ["broken", "ended well"]


def test_the_clock_is_read_where_it_can_be(device):
    assert measure_milliseconds(work(device, 1.0)).clock_mhz is None
    device.module.cuda.clock_rate = lambda: 1755
    assert measure_milliseconds(work(device, 1.0)).clock_mhz == 1755
