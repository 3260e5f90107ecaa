"""What every strategy must do, as checks that a strategy's own tests can run.

In: a callable that makes a fresh strategy. A strategy conforms when no check raises::

    import pytest
    from helion_autotune import conformance

    @pytest.mark.parametrize("check", conformance.CHECKS, ids=lambda check: check.__name__)
    def test_conforms(check):
        check(MyStrategy)

Nothing is timed for real: workloads are formulas and the clock is a counter.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from threading import Lock
from typing import TYPE_CHECKING

from helion_autotune.budget import Budget
from helion_autotune.constraints import Condition, Constraint
from helion_autotune.parameters import Boolean, Choice, Integer, PowerOfTwo
from helion_autotune.session import NoCandidateWorked, Result, tune
from helion_autotune.space import Space
from helion_autotune.strategies import Strategy
from helion_autotune.trial import Measurement, Status
from helion_autotune.workload import WrongResult

if TYPE_CHECKING:
    from helion_autotune.point import Point

MakeStrategy = Callable[[], Strategy]


class ConformanceError(AssertionError):
    """A strategy does what no strategy may do."""


class Bowl:
    """A workload whose time is a distance: 1 ms at ``block=64, depth=3, layout=b, fast``, more elsewhere.

    Points for which ``fails`` holds raise in the way it names. Counts what it is asked to do.
    """

    def __init__(self, fails: Callable[[Point], Status | None] = lambda _: None) -> None:
        self.compiled: list[Point] = []
        self.measured: list[Point] = []
        self._fails = fails
        self._lock = Lock()

    def compile(self, point: Point) -> Point:
        """See :class:`helion_autotune.Workload`."""
        with self._lock:
            self.compiled.append(point)
        if self._fails(point) is Status.COMPILE_ERROR:
            raise RuntimeError("does not compile")
        return point

    def measure(self, candidate: Point, incumbent_ms: float | None) -> Measurement:  # noqa: ARG002 - nothing to give up early
        """See :class:`helion_autotune.Workload`."""
        self.measured.append(candidate)
        failure = self._fails(candidate)
        if failure is Status.WRONG_RESULT:
            raise WrongResult("is wrong")
        if failure is Status.RUN_ERROR:
            raise RuntimeError("does not run")
        return Measurement(time_of(candidate))


def space() -> Space:
    """A small space with a constraint and a parameter that is active in a third of it: 396 points."""
    return Space(
        {
            "block": PowerOfTwo(8, 256),
            "depth": Integer(1, 6),
            "layout": Choice(["a", "b", "c"]),
            "swizzle": Integer(0, 3),
            "fast": Boolean(),
        },
        constraints=[
            Constraint(
                "fits", "block x depth is at most 768", lambda p: p["block"] * p["depth"] <= 768
            )
        ],
        conditions={"swizzle": Condition("only layout b swizzles", lambda p: p["layout"] == "b")},
    )


def time_of(point: Point) -> float:
    """Milliseconds: 1 at the optimum, growing with every step away from it; one optimum, no other hollows."""
    away = abs(point["block"].bit_length() - 7) + 0.5 * abs(point["depth"] - 3)
    away += (point["layout"] != "b") + 0.25 * abs(point["swizzle"] - 2) + (not point["fast"])
    return float(1.0 + 0.25 * away)


def check_is_deterministic(make: MakeStrategy) -> None:
    """The same seed gives the same points in the same order, however compiles are scheduled."""
    first = _session(make, Bowl(), seed=3)
    second = _session(make, Bowl(), seed=3, jobs=3)
    _demand(
        [t.point for t in first.trials] == [t.point for t in second.trials],
        "two searches with one seed tried different points",
    )


def check_respects_evaluations(make: MakeStrategy) -> None:
    """Not one evaluation beyond the budget."""
    for allowed in (1, 7, 40):
        workload = Bowl()
        _session(make, workload, budget=Budget(evaluations=allowed), finalists=0)
        _demand(
            len(workload.measured) <= allowed,
            f"{len(workload.measured)} points measured with a budget of {allowed}",
        )


def check_respects_seconds(make: MakeStrategy) -> None:
    """The search ends soon after its time, not when the strategy has had enough."""
    workload = Bowl()
    _session(make, workload, budget=Budget(seconds=200), finalists=0)
    _demand(
        len(workload.measured) <= 200,
        f"{len(workload.measured)} measured in 200 ticks of the clock",
    )


def check_keeps_to_the_space(make: MakeStrategy) -> None:
    """Only points of the space are compiled, each once."""
    declared, workload = space(), Bowl()
    _session(make, workload, finalists=0)
    strays = [point for point in workload.compiled if declared.check(point)]
    _demand(not strays, f"compiled points that the space rejects: {strays[:3]}")
    _demand(
        len(set(workload.compiled)) == len(workload.compiled), "a point was compiled a second time"
    )


def check_finds_an_easy_optimum(make: MakeStrategy) -> None:
    """Within 10 % of the optimum of a small, smooth problem, when it may try every point."""
    for seed in range(3):
        result = _session(make, Bowl(), seed=seed)
        _demand(
            result.best.milliseconds <= 1.1,
            f"seed {seed}: ended at {result.best.milliseconds} ms, the optimum is 1 ms",
        )


def check_survives_failures(make: MakeStrategy) -> None:
    """A third of the points fail in all ways there are, and the search goes on."""
    kinds = (Status.COMPILE_ERROR, Status.RUN_ERROR, Status.WRONG_RESULT)

    def fails(point: Point) -> Status | None:
        return kinds[point["depth"] % 3] if point["block"] >= 128 or point["depth"] == 1 else None

    result = _session(make, Bowl(fails))
    _demand(fails(result.best.point) is None, "the best trial is one that failed")
    _demand(
        result.best.milliseconds <= 1.5,
        f"ended at {result.best.milliseconds} ms among failing points, the optimum is 1 ms",
    )


def check_ends_when_all_fail(make: MakeStrategy) -> None:
    """When nothing works the search still ends."""
    try:
        _session(make, Bowl(lambda _: Status.COMPILE_ERROR))
    except NoCandidateWorked:
        return
    raise ConformanceError("a session in which everything fails gave a result")


def check_takes_one_point(make: MakeStrategy) -> None:
    """A space of one point, which has no dimensions, is searched too."""
    single = Space({"block": PowerOfTwo(64, 64)})

    class Constant(Bowl):
        def measure(self, candidate: Point, incumbent_ms: float | None) -> Measurement:  # noqa: ARG002 - nothing to give up early
            return Measurement(1.0)

    result = tune(single, Constant(), strategy=make(), budget=Budget(evaluations=50), jobs=1)
    _demand(result.best.point["block"] == 64, "did not try the only point")


CHECKS: tuple[Callable[[MakeStrategy], None], ...] = (
    check_is_deterministic,
    check_respects_evaluations,
    check_respects_seconds,
    check_keeps_to_the_space,
    check_finds_an_easy_optimum,
    check_survives_failures,
    check_ends_when_all_fail,
    check_takes_one_point,
)


def _session(
    make: MakeStrategy,
    workload: Bowl,
    *,
    seed: int = 0,
    budget: Budget | None = None,
    jobs: int = 1,
    finalists: int = 2,
) -> Result:
    """One session; each look at the clock takes a tick."""
    ticks: Iterator[int] = itertools.count()
    return tune(
        space(),
        workload,
        strategy=make(),
        budget=budget or Budget(evaluations=400),
        rng_seed=seed,
        jobs=jobs,
        finalists=finalists,
        clock=lambda: float(next(ticks)),
    )


def _demand(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ConformanceError(otherwise)
