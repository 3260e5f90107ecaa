"""The one gate: order, deduplication, budget, records, failures, incumbents."""

import itertools
import threading

import pytest

from helion_autotune import (
    Budget,
    Constraint,
    Integer,
    Measurement,
    Objective,
    Records,
    Space,
    Status,
    Trial,
    WrongResult,
)
from helion_autotune.budget import SearchStopped
from helion_autotune.runner import InProcessRunner

SPACE = Space(
    {"a": Integer(0, 99)}, constraints=[Constraint("odd", "13 is unlucky", lambda p: p["a"] != 13)]
)


class Numbers:
    """The time of ``a`` is ``a + 1`` ms; some values fail in their own way."""

    def __init__(self):
        self.compiled, self.incumbents, self.threads = [], [], set()

    def compile(self, point):
        self.compiled.append(point["a"])
        if point["a"] == 90:
            raise ValueError("no code for 90")
        if point["a"] == 91:
            raise TimeoutError("took too long")
        return point["a"]

    def measure(self, candidate, incumbent_ms):
        self.threads.add(threading.current_thread())
        self.incumbents.append(incumbent_ms)
        if candidate == 92:
            raise WrongResult("off by one")
        if candidate == 93:
            raise MemoryError("no room")
        if candidate == 94:
            raise TimeoutError("hangs")
        return Measurement(candidate + 1)


def make_objective(workload, *, ticks=None, **options):
    clock = (lambda: 0.0) if ticks is None else ticks
    runner = InProcessRunner(workload, jobs=1, clock=clock)
    return Objective(SPACE, runner, clock=clock, **options)


def points(*values):
    return [SPACE.point({"a": value}) for value in values]


def test_trials_come_in_the_order_asked_for_and_each_point_is_evaluated_once():
    workload = Numbers()
    objective = make_objective(workload)
    trials = objective.evaluate_many(points(5, 3, 5, 8))
    assert [trial.value for trial in trials] == [6, 4, 6, 9]
    again = objective.evaluate_many(points(8, 4, 3))
    assert [trial.value for trial in again] == [9, 5, 4]
    assert workload.compiled == [5, 3, 8, 4]
    assert objective.best.point["a"] == 3
    assert objective.evaluations == 4


@pytest.mark.parametrize(
    ("value", "status", "error"),
    [
        (90, Status.COMPILE_ERROR, "ValueError: no code for 90"),
        (91, Status.TIMEOUT, "TimeoutError: took too long"),
        (92, Status.WRONG_RESULT, "WrongResult: off by one"),
        (93, Status.RUN_ERROR, "MemoryError: no room"),
        (94, Status.TIMEOUT, "TimeoutError: hangs"),
    ],
)
def test_a_failure_is_a_trial_with_its_cause(value, status, error):
    trial = make_objective(Numbers()).evaluate(points(value)[0])
    assert (trial.status, trial.error, trial.value) == (status, error, float("inf"))


def test_a_point_outside_the_space_is_rejected_with_reasons_and_costs_nothing():
    workload = Numbers()
    objective = make_objective(workload, budget=Budget(evaluations=1))
    unlucky, beyond, good = objective.evaluate_many([{"a": 13}, {"a": 1000}, {"a": 2}])
    assert unlucky.status is beyond.status is Status.REJECTED
    assert unlucky.error == "odd: 13 is unlucky"
    assert "1000 is not an integer from 0 to 99" in beyond.error
    assert good.ok
    assert workload.compiled == [2]
    assert objective.evaluations == 1


def test_measuring_happens_on_the_tuning_thread_and_hears_of_the_incumbent():
    workload = Numbers()
    make_objective(workload).evaluate_many(points(5, 7, 3, 4))
    assert workload.threads == {threading.current_thread()}
    assert workload.incumbents[0] is None
    assert workload.incumbents == [None, 6, 6, 4]


def test_the_evaluation_budget_cuts_a_batch_short():
    workload = Numbers()
    objective = make_objective(workload, budget=Budget(evaluations=3))
    with pytest.raises(SearchStopped, match="budget of 3 evaluations is spent"):
        objective.evaluate_many(points(9, 8, 7, 6))
    assert workload.compiled == [9, 8, 7]
    assert objective.best.value == 8
    with pytest.raises(SearchStopped):
        objective.evaluate_many(points(9))


def test_the_seconds_budget_stops_in_the_middle_of_a_batch():
    workload = Numbers()
    counter = itertools.count()
    objective = make_objective(
        workload, budget=Budget(seconds=30), ticks=lambda: float(next(counter))
    )
    with pytest.raises(SearchStopped, match="budget of 30 s is spent"):
        objective.evaluate_many(points(*range(80)))
    assert 0 < len(objective.trials) < 30


def test_a_batch_that_its_deadline_cut_short_ends_the_search_though_less_is_reserved_by_then():
    counter = itertools.count()
    objective = make_objective(
        Numbers(), budget=Budget(seconds=30), ticks=lambda: float(next(counter))
    )
    reserves = iter([20.0])
    objective.leave_time(lambda: next(reserves, 0.0))
    with pytest.raises(SearchStopped, match="budget of 30 s is spent"):
        objective.evaluate_many(points(*range(80)))
    assert 0 < len(objective.trials) < 10


def test_seconds_count_from_when_they_began():
    workload = Numbers()
    objective = make_objective(
        workload, budget=Budget(seconds=30, began=-29.0), ticks=itertools.count().__next__
    )
    assert objective.seconds == 29
    with pytest.raises(SearchStopped, match="budget of 30 s is spent"):
        objective.evaluate_many(points(1))
    assert not workload.compiled


def test_a_strategy_cannot_swallow_the_end_by_catching_exceptions():
    assert not issubclass(SearchStopped, Exception)
    with pytest.raises(SearchStopped, match="enough"):
        make_objective(Numbers()).stop("enough")


def test_recorded_trials_are_not_evaluated_again(tmp_path):
    records = Records(tmp_path / "r.jsonl")
    first = Numbers()
    make_objective(first, records=records, key="k").evaluate_many(points(5, 90, 93))
    second = Numbers()
    objective = make_objective(second, records=records, key="k")
    trials = objective.evaluate_many(points(5, 90, 93, 6))
    assert [trial.status.value for trial in trials] == ["ok", "compile_error", "run_error", "ok"]
    assert second.compiled == [93, 6], "a run error may have been the machine's fault"
    other = Numbers()
    make_objective(other, records=records, key="other").evaluate_many(points(5))
    assert other.compiled == [5]


def test_a_full_disk_costs_the_records_not_the_search(tmp_path):
    class Full(Records):
        def add_trial(self, fingerprint, key, trial):
            from helion_autotune import RecordsError

            raise RecordsError("no space left on device")

    objective = make_objective(Numbers(), records=Full(tmp_path / "r.jsonl"))
    with pytest.warns(RuntimeWarning, match=r"no space left.*unrecorded"):
        trials = objective.evaluate_many(points(1, 2))
    assert all(trial.ok for trial in trials)


def test_a_slow_compile_does_not_hold_up_those_that_are_ready():
    release = threading.Event()
    order = []

    class Slow:
        def compile(self, point):
            if point["a"] == 0:
                assert release.wait(timeout=60)
            return point["a"]

        def measure(self, candidate, incumbent_ms):
            order.append(candidate)
            if len(order) == 3:
                release.set()
            return Measurement(1)

    runner = InProcessRunner(Slow(), jobs=2)
    trials = Objective(SPACE, runner).evaluate_many(points(0, 1, 2, 3))
    assert order[-1] == 0
    assert [trial.point["a"] for trial in trials] == [0, 1, 2, 3]


def test_a_compile_that_takes_far_longer_than_others_is_left_behind(monkeypatch):
    monkeypatch.setattr("helion_autotune.runner.STRAGGLING_SECONDS", 0.2)
    release = threading.Event()

    class Slow(Numbers):
        def compile(self, point):
            if point["a"] == 0:
                assert release.wait(timeout=60)
            return super().compile(point)

    runner = InProcessRunner(Slow(), jobs=2)
    objective = Objective(SPACE, runner)
    try:
        trials = objective.evaluate_many(points(0, 1, 2, 3, 4, 5, 6))
        assert [trial.ok for trial in trials] == [False] + [True] * 6
        assert trials[0].status is Status.TIMEOUT
        assert "still compiling after 0." in trials[0].error
        assert "left behind" in trials[0].error
        assert objective.evaluate(points(7)[0]).ok, "the next batch compiles beside it"
    finally:
        release.set()
        runner.close()


def test_a_budget_must_allow_something():
    with pytest.raises(ValueError, match="above 0"):
        Budget(evaluations=0)
    with pytest.raises(ValueError, match="at least 1"):
        InProcessRunner(Numbers(), jobs=0)
    with pytest.raises(ValueError, match="finite"):
        Measurement(float("nan"))


def test_long_errors_are_cut():
    class Verbose(Numbers):
        def compile(self, point):
            raise RuntimeError("x" * 100_000)

    trial = make_objective(Verbose()).evaluate(points(1)[0])
    assert isinstance(trial, Trial)
    assert len(trial.error) < 3000
