"""Times work of a few microseconds inside a CUDA graph, where the host cannot be slower than the GPU.

In: a callable that enqueues work on the current stream, and what must happen before each call, untimed. Out: times in
ms. The timed region lies between two events of the graph (``external`` events of torch), what comes before it outside.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

#: Calls in one graph: a replay times so many, one after the other.
UNROLLED = 10
#: What torch's warnings of operations that wait for the GPU say.
WAITS = "synchronizing CUDA operation"


def graph_times(
    torch: Any,
    fn: Callable[[], object],
    prepare: Callable[[], object],
    count: int,
    enough: Callable[[list[float]], bool],
) -> list[float] | None:
    """The times of at least ``count`` calls, or fewer if they are ``enough``; None where the work cannot be captured.

    Work that waits for the GPU cannot.
    """
    if _waits(torch, fn, prepare):
        return None
    unrolled = min(UNROLLED, count)
    pairs = [
        tuple(torch.cuda.Event(enable_timing=True, external=True) for _ in range(2))
        for _ in range(unrolled)
    ]
    graph = torch.cuda.CUDAGraph()

    def calls() -> None:
        for start, end in pairs:
            prepare()
            start.record()
            fn()
            end.record()

    if not _captured(torch, graph, calls):
        # torch goes on taking itself for capturing until another capture ends well, and refuses random numbers.
        _captured(torch, torch.cuda.CUDAGraph(), pairs[0][0].record)
        return None
    times: list[float] = []
    while len(times) < count and not (times and enough(times)):
        graph.replay()
        torch.cuda.synchronize()
        times += [start.elapsed_time(end) for start, end in pairs]
    graph.reset()
    return times


def _waits(torch: Any, fn: Callable[[], object], prepare: Callable[[], object]) -> bool:
    """Whether a call waits for the GPU, as far as torch knows: better asked before than by a capture that breaks."""
    before = torch.cuda.get_sync_debug_mode()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            prepare()
            fn()
        finally:
            torch.cuda.set_sync_debug_mode(before)
    return any(WAITS in str(warning.message) for warning in caught)


def _captured(torch: Any, graph: Any, enqueue: Callable[[], object]) -> bool:
    """Whether what is enqueued is in the graph now. By hand: ``torch.cuda.graph`` collects garbage first."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    captured = True
    with torch.cuda.stream(side):
        # Other threads may go on using CUDA; this one may not wait.
        graph.capture_begin(capture_error_mode="thread_local")
        try:
            enqueue()
        except Exception:  # noqa: BLE001 - libraries have their own for what a capture forbids; others show again
            captured = False
        try:
            graph.capture_end()
        except RuntimeError:  # torch's for a capture that an operation has made invalid
            captured = False
    torch.cuda.current_stream().wait_stream(side)
    return captured
