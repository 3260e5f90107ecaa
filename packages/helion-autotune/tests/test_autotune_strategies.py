"""Every registered strategy conforms; the suite itself catches those that do not."""

import pytest

from helion_autotune import Boolean, Budget, Float, Measurement, Space, conformance, tune
from helion_autotune.strategies import known_strategies, strategy


@pytest.mark.parametrize("check", conformance.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", known_strategies())
def test_conforms(name, check):
    check(lambda: strategy(name))


def test_the_strategies_of_this_package_are_registered():
    assert set(known_strategies()) >= {
        "default",
        "differential_evolution",
        "finite",
        "pattern",
        "random",
        "sobol",
        "surrogate",
    }


def test_an_unknown_strategy_is_refused_with_the_known_ones():
    with pytest.raises(
        ValueError, match=r"unknown strategy 'annealing'; known are default, .*entry"
    ):
        strategy("annealing")


class Nothing:
    def search(self, space, objective, rng):
        pass


class Careless:
    """Tries one point only, ignores the generator, and calls the workload behind the objective's back."""

    calls = 0

    def search(self, space, objective, rng):
        type(self).calls += 1
        objective.evaluate(space.point({"depth": 1 + type(self).calls % 6}))


class Cheat:
    def search(self, space, objective, rng):
        workload = objective._runner._workload
        workload.compile(space.point({"block": 256, "depth": 6}))
        objective.evaluate(space.default)


def test_the_suite_catches_a_strategy_that_is_not_deterministic():
    with pytest.raises(conformance.ConformanceError, match="different points"):
        conformance.check_is_deterministic(Careless)


def test_the_suite_catches_a_strategy_that_does_not_search():
    with pytest.raises(conformance.ConformanceError, match="the optimum is 1 ms"):
        conformance.check_finds_an_easy_optimum(Careless)


def test_the_suite_catches_a_strategy_that_leaves_the_space():
    with pytest.raises(conformance.ConformanceError, match="the space rejects"):
        conformance.check_keeps_to_the_space(Cheat)


def test_the_suite_catches_a_strategy_that_passes_the_budget():
    with pytest.raises(conformance.ConformanceError, match="2 points compiled with a budget of 1"):
        conformance.check_respects_evaluations(Cheat)


class Slope:
    def compile(self, point):
        return point

    def measure(self, candidate, incumbent_ms):
        return Measurement(1 + abs(candidate["x"] - 0.3) + (0 if candidate["on"] else 0.1))


@pytest.mark.parametrize("name", sorted(set(known_strategies()) - {"finite"}))
def test_a_continuous_space_is_searched(name):
    space = Space({"x": Float(0, 1), "on": Boolean()})
    result = tune(space, Slope(), strategy=name, budget=Budget(evaluations=150), jobs=1)
    assert result.best.milliseconds < 1.1


def test_the_default_beats_random_search_with_few_evaluations():
    def median(name):
        ends = []
        for seed in range(5):
            workload = conformance.Bowl()
            budget = Budget(evaluations=40)
            result = tune(
                conformance.space(), workload, strategy=name, budget=budget, rng_seed=seed, jobs=1
            )
            ends.append(result.best.milliseconds)
        return sorted(ends)[2]

    assert median("default") < median("random")
