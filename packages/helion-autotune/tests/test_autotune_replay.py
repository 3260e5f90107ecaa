"""Replaying: the space of what was recorded, regrets, comparisons with intervals, and the command."""

import json
import math

import numpy as np
import pytest

from helion_autotune import (
    Boolean,
    Budget,
    Choice,
    Float,
    Integer,
    ListOf,
    Permutation,
    PowerOfTwo,
    Records,
    RecordsError,
    Space,
    Status,
    conformance,
    tune,
)
from helion_autotune.cli import main
from helion_autotune.parameters.described import described_parameter
from helion_autotune.replay import RecordedSpace, compare, recordings, replay
from helion_autotune.replay.comparison import Interval, estimate
from helion_autotune.strategies import strategy
from helion_autotune.strategies.pattern import PatternSearch
from helion_autotune.strategies.random import RandomSearch

KINDS = [
    PowerOfTwo(4, 64, default=16),
    Integer(-3, 9, default=2),
    Float(0.5, 2.0, log=True, default=1.0),
    Choice(["a", None, [1, 2]], default=None),
    Boolean(default=True),
    Permutation(3, default=[2, 0, 1]),
    ListOf(Choice(["", "x"]), 2, default=["x", ""]),
]


@pytest.mark.parametrize("parameter", KINDS, ids=lambda parameter: type(parameter).__name__)
def test_a_parameter_is_made_again_from_its_description(parameter):
    described = json.loads(json.dumps(parameter.describe()))
    assert described_parameter(described) == parameter


def test_an_unknown_kind_is_named():
    with pytest.raises(ValueError, match="kind 'angle'; known are power_of_two, "):
        described_parameter({"kind": "angle"})


def fails(point):
    return Status.COMPILE_ERROR if point["depth"] == 6 else None


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """A file with 200 random points of the conformance space, some of which fail, from two seeds."""
    path = tmp_path_factory.mktemp("sweep") / "bowl.jsonl"
    space = conformance.space()
    tune(
        space,
        conformance.Bowl(fails),
        strategy=RandomSearch(),
        budget=Budget(evaluations=200),
        seeds=[space.default, space.point({"block": 256, "fast": True})],
        key="bowl",
        records=path,
        jobs=1,
    )
    return path


def test_a_recording_is_what_was_recorded(sweep):
    (recording,) = recordings([sweep])
    trials = Records(sweep).trials(conformance.space().fingerprint, "bowl")
    assert recording.name == "bowl"
    assert set(recording.space.points()) == set(trials)
    assert recording.space.size.count == 200
    assert len(recording.seeds) == 2
    assert recording.best_ms == min(t.value for t in trials.values())
    assert math.isfinite(recording.worst_ms)


def test_only_recorded_points_are_points(sweep):
    (recording,) = recordings([sweep])
    space, original = recording.space, conformance.space()
    rng = np.random.default_rng(0)
    assert all(space.check(space.sample(rng)) == [] for _ in range(20))
    stranger = next(point for point in original.points() if point not in recording.trials)
    assert [violation.name for violation in space.check(stranger)] == ["recorded"]
    nearest = space.decode(space.encode(stranger))
    apart = {p: np.linalg.norm(space.encode(p) - space.encode(stranger)) for p in space.points()}
    assert apart[nearest] == min(apart.values()) > 0
    near = space.neighbours(nearest)
    assert len(near) == 2 * space.dimensions
    further = set(space.points()) - {nearest, *near}
    reach = max(space.distance(nearest, p) for p in near)
    assert reach <= min(space.distance(nearest, p) for p in further) + 1e-6
    step = space.changed(nearest, "depth", nearest["depth"] + 1)
    assert step in recording.trials
    assert step != nearest
    assert space.default == space.point({})  # it was a seed


def test_without_the_default_the_first_point_stands_in_for_it():
    space = Space({"a": Integer(0, 9)})
    points = [space.point({"a": a}) for a in (3, 5)]
    assert RecordedSpace.of(space.parameters, points, space.default).default == points[0]
    with pytest.raises(ValueError, match="at least one recorded point"):
        RecordedSpace.of(space.parameters, [])


@pytest.mark.parametrize("name", ["default", "differential_evolution", "direct", "sobol"])
def test_strategies_search_recordings(sweep, name):
    (recording,) = recordings([sweep])
    run = replay(recording, strategy(name), rng_seed=1, evaluations=60)
    assert run == replay(recording, strategy(name), rng_seed=1, evaluations=60)
    assert 0 <= run.regret(60) <= run.regret(10)
    assert len(run.best_ms) <= 60


def test_a_search_of_everything_has_no_regret(sweep):
    (recording,) = recordings([sweep])
    run = replay(recording, strategy("finite"), rng_seed=0, evaluations=1000)
    assert len(run.best_ms) == 200
    assert run.regret(200) == run.regret(10**6) == 0


def test_before_any_success_the_regret_is_that_of_the_slowest(sweep):
    (recording,) = recordings([sweep])
    failing = [point for point, trial in recording.trials.items() if not trial.ok][:2]

    class Unlucky:
        def search(self, space, objective, rng):
            objective.evaluate_many(failing)

    run = replay(recording, Unlucky(), rng_seed=0, evaluations=9, seeded=False)
    assert run.best_ms == (math.inf, math.inf)
    assert run.regret(2) == recording.worst_ms / recording.best_ms - 1


def width(interval):
    return interval.high - interval.low


def test_an_estimate_holds_its_mean_and_narrows_with_more_problems():
    values = np.random.default_rng(0).exponential(size=(200, 2))
    few, many = estimate(values[:10]), estimate(values)
    for one in (few, many):
        for interval in (one.other_seeds, one.other_problems):
            assert interval.low < one.mean < interval.high
    assert width(many.other_seeds) < width(few.other_seeds)
    assert width(many.other_problems) < width(few.other_problems)
    assert estimate(values) == many
    assert estimate(np.full((3, 2), 2.0)).other_problems == Interval(2.0, 2.0)


def test_more_seeds_do_not_make_up_for_few_problems():
    """Runs of a problem that all end alike tell no more of other problems than one of them."""
    problems = np.random.default_rng(0).exponential(size=(10, 1))
    once, often = estimate(problems), estimate(np.repeat(problems, 40, axis=1))
    assert often.mean == pytest.approx(once.mean)
    assert width(often.other_problems) == pytest.approx(width(once.other_problems), rel=0.1)
    assert width(often.other_seeds) == pytest.approx(0)


def test_what_differs_from_problem_to_problem_does_not_blur_what_seeds_do():
    noise = np.random.default_rng(0).normal(size=(8, 30))
    apart = noise + 10.0 * np.arange(8)[:, None]
    assert width(estimate(apart).other_seeds) == pytest.approx(width(estimate(noise).other_seeds))
    assert width(estimate(apart).other_problems) > 10 * width(estimate(apart).other_seeds)


def test_the_better_strategy_is_ahead_with_confidence(sweep):
    class Stuck:
        def search(self, space, objective, rng):
            objective.evaluate_many([space.sample(rng) for _ in range(2)])

    comparison = compare(
        recordings([sweep]), {"pattern": PatternSearch, "stuck": Stuck}, seeds=6, after=[16, 64]
    )
    row = comparison.row("stuck", 64)
    assert row.behind.other_seeds.low > 0
    assert comparison.row("pattern", 64).behind is None
    assert comparison.row("pattern", 64).regret.mean < row.regret.mean
    with pytest.raises(KeyError):
        comparison.row("pattern", 32)
    runs = comparison.to_json()["runs"]
    assert len(runs) == 12
    assert set(runs[0]["regret"]) == {"16", "64"}


def test_the_command_prints_a_table_and_writes_json(sweep, tmp_path, capsys):
    output = tmp_path / "deep" / "replay.json"
    command = ["replay", str(sweep), "--strategies", "random,pattern", "--seeds", "2"]
    options = ["--first-seed", "5", "--after", "8", "24", "--json", str(output)]
    assert main([*command, *options]) == 0
    printed = capsys.readouterr().out
    assert "bowl: 200 points" in printed
    assert printed.count("(the others are compared with this one)") == 2
    written = json.loads(output.read_text())
    assert {run["rng_seed"] for run in written["runs"]} == {5, 6}
    assert [(row["strategy"], row["evaluations"]) for row in written["rows"]] == [
        ("random", 8),
        ("pattern", 8),
        ("random", 24),
        ("pattern", 24),
    ]


def test_what_cannot_be_replayed_is_said(tmp_path, capsys):
    assert main(["replay", str(tmp_path / "nowhere.jsonl")]) == 1
    assert "there is no file" in capsys.readouterr().err
    old = Records(tmp_path / "old.jsonl")
    old.prepare()
    with pytest.raises(RecordsError, match=r"nothing in .* can be replayed"):
        recordings([old.path])


def test_an_unknown_strategy_is_said_before_anything_is_replayed(sweep, capsys):
    assert main(["replay", str(sweep), "--strategies", "annealing"]) == 1
    assert "unknown strategy 'annealing'" in capsys.readouterr().err


def test_points_that_were_looked_at_because_they_are_near_others_are_drawn_as_one():
    """Ten points far from each other, and ninety around one of them: a random point is one of the ninety as rarely as
    it is the one."""
    names = [f"p{number}" for number in range(12)]
    parameters = {name: Integer(0, 99) for name in names}
    whole = Space(parameters)
    rng = np.random.default_rng(0)
    far = [whole.sample(rng) for _ in range(10)]
    near = [whole.point({**far[0], "p0": 5 + number % 50, "p1": number}) for number in range(90)]
    space = RecordedSpace.of(parameters, [*far, *near])
    drawn = [space.sample(rng) for _ in range(2000)]
    share = sum(point in near or point == far[0] for point in drawn) / len(drawn)
    assert 0.08 < share < 0.12, "one of ten"
    assert set(far) <= set(drawn)
