"""Compiling ahead: what a strategy will most likely ask for compiles while other points are measured."""

from __future__ import annotations

import threading
from contextlib import suppress

import numpy as np
import pytest

from helion_autotune import Budget, Integer, Measurement, Objective, Space
from helion_autotune.budget import SearchStopped
from helion_autotune.conformance import Bowl, space
from helion_autotune.runner import InProcessRunner
from helion_autotune.strategies.finite import FiniteSearch
from helion_autotune.strategies.guided import GuidedSearch
from helion_autotune.strategies.pattern import PatternSearch
from helion_autotune.strategies.random import RandomSearch

LINE = Space({"a": Integer(0, 99)})


def points(*values):
    return [LINE.point({"a": value}) for value in values]


class Noting:
    """The time of ``a`` is ``a + 1`` ms; compiles are noted in order."""

    def __init__(self):
        self.compiled = []

    def compile(self, point):
        self.compiled.append(point["a"])
        return point["a"]

    def measure(self, candidate, incumbent_ms):
        return Measurement(candidate + 1.0)


def test_what_is_prepared_compiles_while_others_are_measured():
    begun = threading.Event()

    class Waiting(Noting):
        def compile(self, point):
            if point["a"] == 2:
                begun.set()
            return super().compile(point)

        def measure(self, candidate, incumbent_ms):
            if candidate == 1:
                assert begun.wait(timeout=60), "2 compiles only when 1 has been measured"
            return super().measure(candidate, incumbent_ms)

    workload = Waiting()
    objective = Objective(LINE, InProcessRunner(workload, jobs=1))
    objective.prepare(points(1, 2))
    assert objective.evaluate_many(points(1))[0].ok
    assert objective.evaluations == 1, "what is only prepared costs nothing"
    assert objective.evaluate_many(points(2))[0].ok
    assert workload.compiled == [1, 2], "each once"


class Held(Noting):
    """The first compile waits until it is let go, so that the others wait for their turn."""

    def __init__(self):
        super().__init__()
        self.first, self.release = threading.Event(), threading.Event()

    def compile(self, point):
        self.first.set()
        assert self.release.wait(timeout=60)
        return super().compile(point)


def test_what_is_asked_for_goes_before_what_is_prepared():
    workload = Held()

    class Runner(InProcessRunner):
        def _begin(self, deadline):  # when a batch has been submitted
            workload.release.set()

    objective = Objective(LINE, Runner(workload, jobs=1))
    objective.prepare(points(1, 2, 3))
    assert workload.first.wait(timeout=60)
    objective.evaluate_many(points(7, 3))
    objective.evaluate_many(points(2))
    assert workload.compiled == [1, 3, 7, 2]


def test_what_is_no_longer_expected_is_not_compiled():
    workload = Held()
    runner = InProcessRunner(workload, jobs=1)
    objective = Objective(LINE, runner)
    objective.prepare(points(1, 2, 3))
    assert workload.first.wait(timeout=60)
    objective.prepare(points(3, 4))
    workload.release.set()
    objective.evaluate_many(points(3, 4))
    assert workload.compiled == [1, 3, 4]
    runner.close()


def test_only_what_may_be_evaluated_is_prepared(tmp_path):
    prepared = []

    class Runner(InProcessRunner):
        def prepare(self, points):
            prepared.append([point["a"] for point in points])

    objective = Objective(LINE, Runner(Noting(), jobs=1), budget=Budget(evaluations=3))
    objective.evaluate_many(points(5))
    objective.prepare(points(5, 6, 6, 7, 8))
    assert prepared == [[6, 7]]


def test_lists_are_prepared_a_batch_ahead():
    prepared = []

    class Runner(InProcessRunner):
        def prepare(self, points):
            prepared.append([point["a"] for point in points])

    objective = Objective(LINE, Runner(Noting(), jobs=1), budget=Budget(evaluations=7))
    with suppress(SearchStopped):
        FiniteSearch(batch=3).search(LINE, objective, np.random.default_rng(0))
    assert prepared == [[0, 1, 2, 3, 4, 5], [3, 4, 5, 6], [6]]
    assert [trial.point["a"] for trial in objective.trials] == list(range(7))


def test_guided_search_chooses_each_batch_of_what_it_has_prepared():
    class Watched(Objective):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            self.calls = []

        def prepare(self, points):
            self.calls.append(("prepared", set(points)))
            super().prepare(points)

        def evaluate_many(self, points):
            self.calls.append(("evaluated", set(points)))
            return super().evaluate_many(points)

    bowl = Bowl()
    objective = Watched(space(), InProcessRunner(bowl, jobs=1), budget=Budget(evaluations=70))
    with suppress(SearchStopped):
        GuidedSearch(batch=4, ahead=6, patience=30).search(
            space(), objective, np.random.default_rng(0)
        )
    begun = next(n for n, (what, _) in enumerate(objective.calls) if what == "prepared")
    rounds = [points for _, points in objective.calls[begun:]]
    prepared, evaluated = rounds[::2], rounds[1::2]
    assert len(evaluated) > 8
    for number, points in enumerate(evaluated[1:]):
        assert len(points) == 4
        assert points < prepared[number] - evaluated[number], "of the six from the round before"


@pytest.mark.parametrize(
    "search", [GuidedSearch(), PatternSearch(), RandomSearch(batch=7), FiniteSearch(batch=9)]
)
def test_a_search_that_compiles_ahead_finds_what_it_finds_whatever_compiles_when(search):
    """As many jobs as there may be change no result, and no point is compiled twice or measured unasked."""
    found = []
    for jobs in (1, 4):
        bowl = Bowl()
        objective = Objective(
            space(), InProcessRunner(bowl, jobs=jobs), budget=Budget(evaluations=60)
        )
        with suppress(SearchStopped):
            search.search(space(), objective, np.random.default_rng(3))
        found.append([(trial.point, trial.milliseconds) for trial in objective.trials])
    assert found[0] == found[1]
    assert len({point for point, _ in found[0]}) == len(found[0])
