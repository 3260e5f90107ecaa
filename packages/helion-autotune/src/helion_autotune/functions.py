"""Tuning of any callable: it is called with a point's values as keywords, timed, and its result checked.

In: a function and a space of its keywords. Out: what :func:`helion_autotune.tune` gives.
"""

from __future__ import annotations

import statistics
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from helion_autotune.session import Result, tune
from helion_autotune.trial import Measurement
from helion_autotune.workload import WrongResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from helion_autotune.point import Point
    from helion_autotune.space import Space

    #: Times a call: ``timer(fn, give_up_over_ms=...)``, as ``measure_milliseconds`` and ``time_on_host`` do.
    Timer = Callable[..., Measurement]

#: A first call that takes over so many times the best time is the only one.
GIVE_UP_FACTOR = 3.0


def time_on_host(
    fn: Callable[[], object],
    *,
    give_up_over_ms: float | None = None,
    budget_ms: float = 200.0,
    repetitions: int = 50,
) -> Measurement:
    """The median wall-clock time of ``fn()`` in milliseconds: after a call that goes untimed, up to ``repetitions``.

    As many as fit into ``budget_ms``, but at least one; a first one that takes over 3 times ``give_up_over_ms`` is
    alone.
    """
    fn()
    samples: list[float] = []
    while len(samples) < repetitions and sum(samples) < budget_ms:
        began = time.perf_counter_ns()
        fn()
        samples.append((time.perf_counter_ns() - began) / 1e6)
        if give_up_over_ms is not None and samples[0] > GIVE_UP_FACTOR * give_up_over_ms:
            break
    return Measurement(statistics.median(samples), tuple(samples))


@attrs.frozen(eq=False)
class FunctionWorkload:
    """See :class:`helion_autotune.Workload`: compiling a point binds its values to the function's keywords."""

    fn: Callable[..., Any]
    check: Callable[[Any], object] | None
    timer: Timer

    def compile(self, point: Point) -> Callable[[], Any]:
        """A call without arguments. What ``fn`` does only once is part of the untimed first call."""
        return partial(
            self.fn, **point.to_json()
        )  # as a worker can have it, where it can have the function

    def measure(self, candidate: Callable[[], Any], incumbent_ms: float | None) -> Measurement:
        """Call, check, then time."""
        if self.check is not None and self.check(candidate()) is False:
            raise WrongResult("the check of the result says so")
        return self.timer(candidate, give_up_over_ms=incumbent_ms)


def tune_function(
    fn: Callable[..., Any],
    space: Space,
    *,
    check: Callable[[Any], object] | None = None,
    timer: Timer = time_on_host,
    **options: Any,
) -> Result:
    """The values of ``fn``'s keywords, of those in ``space``, with which it runs fastest.

    ``check`` is called with a result of each candidate: False, or WrongResult raised, is a wrong candidate. ``timer``
    is :func:`helion_autotune.measure_milliseconds` for work on a GPU. ``options`` are those of
    :func:`helion_autotune.tune`, whose errors this raises.
    """
    return tune(space, FunctionWorkload(fn, check, timer), **options)
