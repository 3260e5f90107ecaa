"""Host times of calls, in turns, round after round, so that what else the machine does falls on all alike."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CALLS, ROUNDS, WARM_CALLS = 2000, 15, 300


def in_turns(
    ways: Mapping[str, Callable[[], object]], calls: int = CALLS, rounds: int = ROUNDS
) -> dict[str, float]:
    """The median microseconds of a call in each way; the work is so small that a GPU keeps up."""
    samples: dict[str, list[float]] = {name: [] for name in ways}
    for call in ways.values():
        _repeat(call, WARM_CALLS)
    for _ in range(rounds):
        for name, call in ways.items():
            _wait()
            samples[name].append(_repeat(call, calls) / calls * 1e6)
    _wait()
    return {name: round(statistics.median(found), 2) for name, found in samples.items()}


def _repeat(call: Callable[[], object], times: int) -> float:
    begin = time.perf_counter()
    for _ in range(times):
        call()
    return time.perf_counter() - begin


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
