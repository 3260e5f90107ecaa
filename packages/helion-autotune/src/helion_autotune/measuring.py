"""Times work on a GPU through torch.

In: a callable that enqueues work on the current stream. Out: a Measurement in milliseconds of GPU time.
Assumed: one thread measures at a time, and nothing else of weight runs on the GPU. torch is imported only inside.
"""

from __future__ import annotations

import math
import statistics
import time
from typing import TYPE_CHECKING, Any

from helion_autotune.graph_timing import graph_times
from helion_autotune.trial import Measurement

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: What ``give_up_over_ms`` is multiplied with before the first repetitions count as much slower.
GIVE_UP_FACTOR = 1.5
#: After how many repetitions that is judged.
FIRST = 3
#: What it is multiplied with before the very first call counts as hopeless: that one finds cold caches and slow clocks.
HOPELESS_FACTOR = 5.0
#: So many calls are enqueued before it is asked whether their times suffice.
BATCH = 10
#: Standard error of the median of n normal values: this times their deviation, over the square root of n.
MEDIAN_ERROR = 1.2533
#: Deviation of normal values: this times their median absolute deviation from the median.
MAD_TO_DEVIATION = 1.4826
#: Below so many ms a call is timed in a CUDA graph, if it can be captured, however fast the host was just now.
TINY_MS = 0.1
#: The same below so many times what the host took to enqueue it, all of which is in a time where the GPU was idle.
OF_HOST = 5.0


class NoDeviceError(RuntimeError):
    """There is no GPU to time anything on."""


def measure_milliseconds(
    fn: Callable[[], object],
    *,
    repetitions: int = 100,
    warmup: int = 3,
    flush_l2: bool = True,
    budget_ms: float = 100.0,
    precision: float = 0.003,
    give_up_over_ms: float | None = None,
    before: Callable[[], object] | None = None,
) -> Measurement:
    """The median GPU time of ``fn()`` in milliseconds, by device events.

    ``warmup`` calls go untimed, then at most ``repetitions`` are timed, as many as fit into ``budget_ms`` of GPU time
    but at least three, and no more than it takes to know the median to ``precision`` (its standard error, as a share).
    ``flush_l2`` writes over the L2 cache before each call, outside the timed region: this also
    keeps the GPU busy while the host enqueues ``fn``, so that host time does not leak into the timing of small kernels.
    With ``give_up_over_ms``, a callable whose first call takes over 5 times that is not called again, and one whose
    first repetitions all take over 1.5 times that is timed no further. What takes under 100 µs, or under 5 times as
    long as the host takes to enqueue it, is timed, and judged, inside a CUDA graph where it can be captured, so that
    time of the host never counts; the measurement says so.
    ``before`` runs before each call, untimed: for work that must be set up anew each time.
    Raises NoDeviceError without a GPU, and whatever ``fn`` raises.
    """
    torch = _torch()
    flush = _flusher(torch) if flush_l2 else _nothing
    before = before or _nothing

    def prepare() -> None:
        before()
        flush()

    for turn in range(warmup):
        if turn or give_up_over_ms is None:
            before()
            fn()
            continue
        alone, enqueuing_ms = _timed(torch, fn, prepare, 1)
        if alone[0] > max(HOPELESS_FACTOR * give_up_over_ms, _tiny_ms(enqueuing_ms)):
            return Measurement(alone[0], tuple(alone))
    first, enqueuing_ms = _timed(torch, fn, prepare, min(FIRST, repetitions))
    affordable = math.ceil(budget_ms / max(statistics.median(first), 1e-3))
    count = min(repetitions, affordable)
    if min(first) < _tiny_ms(enqueuing_ms):
        times = graph_times(torch, fn, prepare, count, lambda found: _slow(found, give_up_over_ms))
        if times is not None:
            return Measurement(statistics.median(times), tuple(times), "graph", clock_mhz(torch))
    if _slow(first, give_up_over_ms):
        return Measurement(statistics.median(first), tuple(first))
    samples = first
    while len(samples) < count and not (
        len(samples) > BATCH and median_error(samples) <= precision
    ):
        more, _ = _timed(torch, fn, prepare, min(BATCH, count - len(samples)))
        samples = samples + more
    return Measurement(statistics.median(samples), tuple(samples), "events", clock_mhz(torch))


def open_device(index: int, model: str) -> None:
    """Make a context on a GPU, and load what timing uses: what a worker can do before there is anything to measure.

    Raises RuntimeError for a GPU of another model, whose times could not be compared.
    """
    torch = _torch()
    torch.cuda.set_device(index)
    name = torch.cuda.get_device_name(index)
    if name != model:
        raise RuntimeError(f"this GPU is a {name}, and times on a {model} are wanted")
    measure_milliseconds(torch.zeros(1, device="cuda").zero_, repetitions=1)


def _torch() -> Any:
    import torch

    if not torch.cuda.is_available():
        raise NoDeviceError(
            "no GPU: torch.cuda.is_available() is false, and times taken elsewhere mean nothing. "
            "Tune on the machine that will run the kernel"
        )
    return torch


def median_error(samples: Sequence[float]) -> float:
    """The standard error of the median, as a share of it, by the median absolute deviation: outliers move it little."""
    middle = statistics.median(samples)
    deviation = MAD_TO_DEVIATION * statistics.median(abs(sample - middle) for sample in samples)
    return MEDIAN_ERROR * deviation / math.sqrt(len(samples)) / middle if middle else 0.0


def clock_mhz(torch: Any) -> int | None:
    """The clock of the current GPU's multiprocessors; None where the driver's library (``nvidia-ml-py``) is not there.

    Read right behind a measurement: a GPU that idles for long lowers its clock.
    """
    try:
        return int(torch.cuda.clock_rate())
    except (ImportError, RuntimeError, AttributeError):  # as torch says that it cannot tell
        return None


def _slow(times: Sequence[float], give_up_over_ms: float | None) -> bool:
    """Whether all of these are clearly over what was set."""
    return give_up_over_ms is not None and min(times) > GIVE_UP_FACTOR * give_up_over_ms


def _tiny_ms(enqueuing_ms: float) -> float:
    """Below so many ms, time of the host may be much of a time, given how long it took to enqueue a call."""
    return max(TINY_MS, OF_HOST * enqueuing_ms)


def _timed(
    torch: Any, fn: Callable[[], object], prepare: Callable[[], object], count: int
) -> tuple[list[float], float]:
    """The times of ``count`` calls in ms, and how long the host took to enqueue one, in the middle.

    They are enqueued together, so that the GPU waits for the host only where that is slow.
    """
    pairs = [
        (torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True))
        for _ in range(count)
    ]
    enqueuing = []
    for start, end in pairs:
        prepare()
        began = time.perf_counter()
        start.record()
        fn()
        end.record()
        enqueuing.append(time.perf_counter() - began)
    torch.cuda.synchronize()
    return [start.elapsed_time(end) for start, end in pairs], statistics.median(enqueuing) * 1e3


def _flusher(torch: Any) -> Callable[[], object]:
    """A call that writes twice the size of the L2 cache."""
    size = 2 * torch.cuda.get_device_properties(torch.cuda.current_device()).L2_cache_size
    return torch.empty(size, dtype=torch.int8, device="cuda").zero_  # type: ignore[no-any-return]  # torch is Any here


def _nothing() -> None:
    """Prepares nothing."""
