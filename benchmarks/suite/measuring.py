"""Device times: medians of Triton's ``do_bench``, which empties the L2 cache before each call, taken in turns."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

WARM_UP_MS = 25
MEASURED_MS = 80
ROUNDS = 3


def milliseconds(run: Callable[[], object]) -> float:
    """The median of one turn."""
    from triton.testing import do_bench  # the report needs no Triton

    return float(do_bench(run, warmup=WARM_UP_MS, rep=MEASURED_MS, return_mode="median"))


def in_turns(
    measures: Mapping[str, Callable[[], float]],
    rounds: int = ROUNDS,
    failed: Callable[[str, Exception], None] | None = None,
) -> dict[str, list[float]]:
    """The milliseconds that each of ``measures`` gives in each round.

    A GPU that warms up, or slows down, slows all alike: each round asks everyone, every other one backwards. Whoever
    raises an error is asked no further, and ``failed`` is told; without it, the error is raised.
    """
    times: dict[str, list[float]] = {name: [] for name in measures}
    out: set[str] = set()
    for number in range(rounds):
        names = list(measures) if number % 2 == 0 else list(measures)[::-1]
        for name in names:
            if name in out:
                continue
            try:
                times[name].append(measures[name]())
            except Exception as error:
                if failed is None:
                    raise
                out.add(name)
                failed(name, error)
    return times


def beside(fn: Callable[[], object], other: Callable[[], object]) -> tuple[float, float]:
    """The median milliseconds of two, taken in turns."""
    times = in_turns({"fn": lambda: milliseconds(fn), "other": lambda: milliseconds(other)})
    return statistics.median(times["fn"]), statistics.median(times["other"])
