"""Guided search: how it begins, and what its model sees of times."""

from contextlib import suppress

import numpy as np
import pytest

from helion_autotune import (
    Budget,
    Integer,
    Measurement,
    Objective,
    Space,
    Status,
    conformance,
)
from helion_autotune.budget import SearchStopped
from helion_autotune.runner import InProcessRunner
from helion_autotune.strategies.guided import CLIPPED, GuidedSearch, levels

SEEDS = [{"block": 16}, {"block": 128, "depth": 3}, {"block": 256, "fast": True}]


def begun(space, bowl, seeds, strategy):
    """The trials from the seeds on, and those that ``begin`` adds to them."""
    objective = Objective(space, InProcessRunner(bowl, jobs=1), seeds=seeds)
    if objective.seeds:
        objective.evaluate_many(objective.seeds)
    strategy.begin(space, objective, np.random.default_rng(0))
    first = len(objective.seeds)
    return objective.trials[:first], objective.trials[first:]


def test_a_search_with_seeds_begins_with_steps_from_the_best_of_them():
    space = conformance.space()
    seeds = [space.default, *SEEDS]
    known, steps = begun(space, conformance.Bowl(), seeds, GuidedSearch(start=6))
    best = min(known, key=lambda trial: trial.value).point
    assert len(steps) == 6
    assert {trial.point for trial in steps} < set(space.neighbours(best))


def test_a_search_without_seeds_begins_with_a_spread_and_steps_from_the_best_of_it():
    space = conformance.space()
    _, trials = begun(space, conformance.Bowl(), [], GuidedSearch(spread=5, start=4))
    assert len(trials) == 1 + 5 + 4
    assert trials[0].point == space.default
    best = min(trials[:6], key=lambda trial: trial.value).point
    assert {trial.point for trial in trials[6:]} < set(space.neighbours(best))


def test_where_nothing_works_there_is_nothing_to_step_from():
    space = conformance.space()
    bowl = conformance.Bowl(lambda _point: Status.COMPILE_ERROR)
    _, trials = begun(space, bowl, [], GuidedSearch(spread=5, start=4))
    assert len(trials) == 1 + 5


class Line:
    """A workload of one parameter, the slower the larger that is."""

    def compile(self, point):
        return point

    def measure(self, candidate, incumbent_ms):
        return Measurement(1.0 + candidate["a"])


def test_a_point_that_has_no_untried_neighbours_is_no_obstacle():
    space = Space({"a": Integer(0, 2)})
    objective = Objective(space, InProcessRunner(Line(), jobs=1), budget=Budget(evaluations=9))
    with suppress(SearchStopped):
        GuidedSearch().search(space, objective, np.random.default_rng(0))
    assert len(objective.trials) == 3


def test_the_model_sees_a_ratio_of_times_whatever_their_unit():
    times = np.asarray([1.0, 1.01, 1.3, 2.0])
    assert levels(1000 * times) == pytest.approx(levels(times))
    assert levels(times)[0] == 0


def test_the_model_sees_small_distances_from_the_best_in_detail():
    near, further, far, beyond = levels(np.asarray([1.0, 1.02, 3.0, 3.0 * 1.02]))
    assert near < further < far < beyond
    assert further - near > 4 * (beyond - far)
    assert len(set(levels(np.asarray([1.0, CLIPPED, 2 * CLIPPED])))) == 2
