"""Every strategy of the package conforms; the suite itself catches those that do not."""

import tomllib
from importlib.util import find_spec
from pathlib import Path
from pkgutil import resolve_name

import pytest

from helion_autotune import (
    Boolean,
    Budget,
    Float,
    Measurement,
    PowerOfTwo,
    Records,
    Space,
    Status,
    StoredResult,
    Trial,
    conformance,
    tune,
)
from helion_autotune.similar_keys import key_distance
from helion_autotune.strategies import strategy
from helion_autotune.strategies.energy import Energy
from helion_autotune.strategies.random import RandomSearch
from helion_autotune.strategies.warm_start import WarmStart

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
#: What the package registers, made without looking at what is installed.
STRATEGIES = PROJECT["entry-points"]["helion_autotune.strategies"]
NEEDS = {"forest": "sklearn"}


def make(name):
    if name in NEEDS and find_spec(NEEDS[name]) is None:
        pytest.skip(f"needs {NEEDS[name]}: pip install 'helion-autotune[{name}]'")
    return resolve_name(STRATEGIES[name])()


@pytest.mark.parametrize("check", conformance.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", STRATEGIES)
def test_conforms(name, check):
    check(lambda: make(name))


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
        workload.measure(workload.compile(space.point({"block": 256, "depth": 6})), None)
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
    with pytest.raises(conformance.ConformanceError, match="2 points measured with a budget of 1"):
        conformance.check_respects_evaluations(Cheat)


class Slope:
    def compile(self, point):
        return point

    def measure(self, candidate, incumbent_ms):
        return Measurement(1 + abs(candidate["x"] - 0.3) + (0 if candidate["on"] else 0.1))


@pytest.mark.parametrize("name", sorted(STRATEGIES.keys() - {"finite"}))
def test_a_continuous_space_is_searched(name):
    space = Space({"x": Float(0, 1), "on": Boolean()})
    result = tune(space, Slope(), strategy=make(name), budget=Budget(evaluations=150), jobs=1)
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


@pytest.mark.skipif(find_spec("sklearn") is not None, reason="scikit-learn is here")
def test_forest_search_says_what_to_install():
    with pytest.raises(ImportError, match=r"pip install 'helion-autotune\[forest\]'"):
        tune(conformance.space(), conformance.Bowl(), strategy=strategy("forest"), jobs=1)


def test_failures_have_the_highest_energy_and_ratios_of_times_are_what_counts():
    point = conformance.space().default
    energy = Energy()
    first, second = (energy.of(Trial(point, Status.OK, ms)) for ms in (0.5, 1.0))
    failed = energy.of(Trial(point, Status.RUN_ERROR))
    assert first < second < failed < float("inf")
    assert second - first == pytest.approx(
        energy.of(Trial(point, Status.OK, 200)) - energy.of(Trial(point, Status.OK, 100))
    )


KEY = '{"device": "H200", "dtypes": ["bf16"], "sizes": [4096, 512]}'


@pytest.mark.parametrize(
    ("nearer", "further"),
    [
        (KEY, KEY.replace("512", "513")),
        (KEY.replace("512", "1024"), KEY.replace("512", "4096")),
        (KEY.replace("512", "1024"), KEY.replace("bf16", "fp32")),
        (KEY.replace("bf16", "fp32"), KEY.replace("bf16", "fp32").replace("H200", "A100")),
    ],
)
def test_keys_are_as_near_as_their_sizes(nearer, further):
    assert key_distance(KEY, nearer) < key_distance(KEY, further)


class Once:
    """Evaluates nothing by itself."""

    def search(self, space, objective, rng):
        objective.evaluate(space.default)


def test_a_warm_start_tries_the_winners_of_similar_keys_first(tmp_path):
    records, space = Records(tmp_path / "r.jsonl"), conformance.space()
    records.prepare()
    winners = {"n=512": 16, "n=2048": 32, "n=65536": 64}
    for key, block in winners.items():
        won = StoredResult(space.point({"block": block}), 1.0, 1.0, 1, "")
        records.add_result(space.fingerprint, key, won)
    result = tune(
        space,
        conformance.Bowl(),
        strategy=WarmStart(count=2, then=Once()),
        key="n=1024",
        records=records,
        jobs=1,
    )
    assert {trial.point["block"] for trial in result.trials[:2]} == {16, 32}
    assert len(result.trials) == 3  # and the default


def test_a_warm_start_keeps_what_fits_of_another_space(tmp_path):
    records = Records(tmp_path / "r.jsonl")
    other = Space({"block": PowerOfTwo(8, 1024), "gone": Boolean()})
    records.prepare()
    for key, block in {"a": 32, "b": 1024}.items():
        won = StoredResult(other.point({"block": block, "gone": True}), 1.0, 1.0, 1, "")
        records.add_result(other.fingerprint, key, won)
    result = tune(
        conformance.space(),
        conformance.Bowl(),
        strategy=WarmStart(then=Once()),
        key="c",
        records=records,
        jobs=1,
    )
    assert [trial.point["block"] for trial in result.trials] == [
        32,
        8,
    ]  # 1024 is none of this space


def test_without_records_a_warm_start_is_what_follows_it():
    def points(strategy):
        budget = Budget(evaluations=20)
        result = tune(
            conformance.space(), conformance.Bowl(), strategy=strategy, budget=budget, jobs=1
        )
        return [trial.point for trial in result.trials]

    assert points(WarmStart(then=RandomSearch())) == points(RandomSearch())
