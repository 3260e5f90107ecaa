"""tune(): results, seeds, resuming, finalists, and what is said when nothing works."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from helion_autotune import (
    Boolean,
    Budget,
    Integer,
    Measurement,
    NoCandidateWorked,
    PlainProgress,
    Records,
    RecordsError,
    Space,
    WrongResult,
    tune,
)
from helion_autotune.strategies.finite import FiniteSearch
from helion_autotune.strategies.random import RandomSearch

SPACE = Space({"a": Integer(0, 19), "b": Boolean()})


class Valley:
    """1 ms at a=7, b=True; counts compiles."""

    def __init__(self):
        self.compiled = []

    def compile(self, point):
        self.compiled.append(point)
        return point

    def measure(self, candidate, incumbent_ms):
        return Measurement(1 + abs(candidate["a"] - 7) + (not candidate["b"]))


class ValleyInA(Valley):
    """1 ms at a=7, with or without b."""

    def measure(self, candidate, incumbent_ms):
        return Measurement(1 + abs(candidate["a"] - 7))


def test_the_best_point_is_found_and_explained():
    result = tune(SPACE, Valley(), strategy="finite", jobs=1)
    assert result.best.point.to_json() == {"a": 7, "b": True}
    assert result.best.milliseconds == 1
    assert len(result.trials) == 40
    assert result.stopped_because == "the strategy finished"
    assert [f.searched.point["a"] for f in result.finalists][:1] == [7]


def test_a_result_prints_on_a_line_or_two():
    shown = repr(tune(SPACE, Valley(), strategy="finite", jobs=1))
    assert "Point({'a': 7, 'b': True})" in shown
    assert "trials=<40 of them>" in shown
    assert "finalists=<4 of them>" in shown
    assert len(shown) < 400


def test_a_result_states_its_noise_and_what_was_wrong(capsys):
    class Shaky(Valley):
        turns = 0

        def measure(self, candidate, incumbent_ms):
            if candidate["a"] == 3:
                raise WrongResult("off by one")
            self.turns += 1
            shake = 0.01 * (self.turns % 2)
            return Measurement(super().measure(candidate, incumbent_ms).milliseconds * (1 + shake))

    progress = PlainProgress()
    result = tune(SPACE, Shaky(), strategy="finite", jobs=1, progress=progress, finalists=3)
    assert result.noise == pytest.approx(0.005, rel=0.02)
    (remark,) = result.remarks
    assert remark.startswith('2 candidates computed something wrong, for example {"a": 3, "b": ')
    lines = capsys.readouterr().err.splitlines()
    assert " ms (± 0.5%) after 40 evaluations" in lines[-2]
    assert lines[-1].endswith(f"Note: {remark}.")


def test_the_default_strategy_stops_by_itself():
    result = tune(SPACE, Valley(), jobs=1)
    assert result.best.milliseconds == 1
    assert "no better point" in result.stopped_because


def test_seeds_are_tried_first_whatever_the_strategy():
    workload = Valley()
    seeds = [{"a": 3}, {"a": 7, "b": True}, {"a": 3}]
    tune(SPACE, workload, strategy="random", seeds=seeds, budget=Budget(evaluations=5), jobs=1)
    assert [p.to_json() for p in workload.compiled[:2]] == [
        {"a": 3, "b": False},
        {"a": 7, "b": True},
    ]
    with pytest.raises(ValueError, match="unknown parameters"):
        tune(SPACE, Valley(), seeds=[{"c": 1}])


def test_a_resumed_session_ends_where_an_uninterrupted_one_does(tmp_path):
    path = tmp_path / "r.jsonl"
    whole = tune(SPACE, Valley(), strategy="random", budget=Budget(evaluations=24), jobs=1)

    class Killed(Valley):
        def measure(self, candidate, incumbent_ms):
            if len(self.compiled) > 10:
                raise KeyboardInterrupt
            return super().measure(candidate, incumbent_ms)

    options = {"strategy": RandomSearch(batch=4), "records": path, "jobs": 1}
    with pytest.raises(KeyboardInterrupt):
        tune(SPACE, Killed(), budget=Budget(evaluations=24), **options)
    done = len(Records(path).trials(SPACE.fingerprint, ""))
    assert 0 < done < 24
    rest = Valley()
    resumed = tune(SPACE, rest, budget=Budget(evaluations=24), finalists=0, **options)
    assert len(rest.compiled) == 24 - done
    assert len(resumed.trials) == len(whole.trials) == 24


@pytest.mark.parametrize("key", ["matmul on an H200", ""])
def test_a_space_that_has_grown_is_measured_where_it_is_new(tmp_path, key):
    """Under a key; without one, nobody knows whether the same was measured."""
    path = tmp_path / "r.jsonl"
    options = {"strategy": "finite", "records": path, "jobs": 1, "key": key, "finalists": 0}
    tune(Space({"a": Integer(4, 9)}), ValleyInA(), **options)
    grown, second = Space({"a": Integer(3, 9)}), ValleyInA()
    result = tune(grown, second, **options)
    assert len(result.trials) == 7
    assert [point["a"] for point in second.compiled] == ([3] if key else list(range(3, 10)))
    assert len(Records(path).trials(grown.fingerprint, key)) == 7, "a report has them all"
    third = ValleyInA()
    tune(Space({"a": Integer(8, 12)}), third, **options)
    assert [point["a"] for point in third.compiled] == ([10, 11, 12] if key else list(range(8, 13)))


def test_a_space_with_other_parameters_shares_nothing(tmp_path):
    options = {"strategy": "finite", "records": tmp_path / "r.jsonl", "jobs": 1, "finalists": 0}
    tune(Space({"a": Integer(4, 9)}), ValleyInA(), key="k", **options)
    workload = ValleyInA()
    tune(Space({"a": Integer(4, 9), "b": Boolean()}), workload, key="k", **options)
    assert len(workload.compiled) == 12


def test_a_killed_process_loses_only_what_was_in_flight(tmp_path):
    path = tmp_path / "r.jsonl"
    script = (
        "import os, signal, sys\n"
        "from helion_autotune import *\n"
        "class Dies:\n"
        "    done = 0\n"
        "    def compile(self, point): return point\n"
        "    def measure(self, candidate, incumbent):\n"
        "        self.done += 1\n"
        "        if self.done == 8: os.kill(os.getpid(), signal.SIGKILL)\n"
        "        return Measurement(1.0 + candidate['a'])\n"
        "tune(Space({'a': Integer(0, 19)}), Dies(), strategy='finite', records=sys.argv[1])\n"
    )
    if not hasattr(signal, "SIGKILL"):
        pytest.skip("needs SIGKILL, which this platform lacks")
    process = subprocess.run([sys.executable, "-c", script, os.fspath(path)], check=False)
    assert process.returncode == -signal.SIGKILL
    space = Space({"a": Integer(0, 19)})
    assert len(Records(path).trials(space.fingerprint, "")) == 7


def test_a_result_is_stored_under_its_key(tmp_path):
    records = Records(tmp_path / "r.jsonl")
    tune(SPACE, Valley(), strategy="finite", records=records, key="H200", jobs=1)
    stored = records.result(SPACE.fingerprint, "H200")
    assert stored.point.to_json() == {"a": 7, "b": True}
    assert (stored.milliseconds, stored.evaluations) == (1, 40)
    assert records.result(SPACE.fingerprint, "H100") is None


def test_a_lucky_time_does_not_win():
    class Noisy(Valley):
        def __init__(self):
            super().__init__()
            self.seen = set()

        def measure(self, candidate, incumbent_ms):
            honest = super().measure(candidate, incumbent_ms)
            lucky = candidate["a"] == 9 and candidate["b"] and candidate not in self.seen
            self.seen.add(candidate)
            return Measurement(0.1) if lucky else honest

    result = tune(SPACE, Noisy(), strategy="finite", jobs=1)
    assert result.best.point["a"] == 7
    assert result.finalists[0].searched.milliseconds == 0.1
    assert result.finalists[0].trial.milliseconds == 3
    assert tune(SPACE, Noisy(), strategy="finite", jobs=1, finalists=0).best.point["a"] == 9


def test_a_finalist_that_fails_once_has_failed():
    class Racy(Valley):
        def __init__(self):
            super().__init__()
            self.runs = 0

        def measure(self, candidate, incumbent_ms):
            if candidate["a"] == 7 and candidate["b"]:
                self.runs += 1
                if self.runs == 3:
                    raise WrongResult("a race")
            return super().measure(candidate, incumbent_ms)

    result = tune(SPACE, Racy(), strategy="finite", jobs=1)
    assert result.best.milliseconds == 2
    assert result.finalists[0].trial.error == "WrongResult: a race"


def test_when_nothing_works_the_causes_are_listed_with_examples():
    class Hopeless:
        def compile(self, point):
            if point["b"]:
                raise RuntimeError("out of registers\nsecond line")
            return point

        def measure(self, candidate, incumbent_ms):
            raise WrongResult("off by 3")

    with pytest.raises(NoCandidateWorked) as caught:
        tune(SPACE, Hopeless(), strategy="finite", jobs=1)
    lines = str(caught.value).splitlines()
    assert lines[0] == "no candidate worked, of 40 tried"
    assert 'wrong_result x 20, for example {"a": 0, "b": false}' in lines[1]
    assert "WrongResult: off by 3" in lines[2]
    assert 'compile_error x 20, for example {"a": 0, "b": true}' in lines[3]
    assert lines[4].strip() == "RuntimeError: out of registers"
    assert len(caught.value.trials) == 40


def test_finalists_that_all_fail_are_no_result(tmp_path):
    class Dying(Valley):
        def __init__(self):
            super().__init__()
            self.runs = 0

        def measure(self, candidate, incumbent_ms):
            self.runs += 1
            if self.runs > 40:
                raise RuntimeError("the GPU is gone")
            return super().measure(candidate, incumbent_ms)

    with pytest.raises(NoCandidateWorked, match="when measured again") as caught:
        tune(SPACE, Dying(), strategy="finite", jobs=1, records=tmp_path / "r.jsonl")
    assert "the GPU is gone" in str(caught.value)
    assert Records(tmp_path / "r.jsonl").result(SPACE.fingerprint, "") is None


def test_unusable_records_are_refused_before_any_work(tmp_path):
    workload = Valley()
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordsError, match="cannot write records"):
        tune(SPACE, workload, records=tmp_path / "file" / "r.jsonl")
    assert workload.compiled == []


def test_adding_points_evaluates_only_those(tmp_path):
    path = tmp_path / "r.jsonl"
    listed = [{"a": 1}, {"a": 2}]
    tune(SPACE, Valley(), strategy=FiniteSearch(listed), records=path, jobs=1, finalists=0)
    more = Valley()
    tune(SPACE, more, strategy=FiniteSearch([*listed, {"a": 3}]), records=path, jobs=1, finalists=0)
    assert [point["a"] for point in more.compiled] == [3]


def test_a_compile_that_hangs_does_not_hold_the_session():
    release = threading.Event()

    class Hangs(Valley):
        measured = 0

        def compile(self, point):
            if point["a"] == 0 and not point["b"]:
                release.wait(timeout=60)
            return super().compile(point)

        def measure(self, candidate, incumbent_ms):
            self.measured += 1
            return super().measure(candidate, incumbent_ms)

    workload = Hangs()
    try:
        result = tune(
            SPACE,
            workload,
            strategy="finite",
            jobs=2,
            budget=Budget(seconds=50),
            clock=lambda: 0.0 if workload.measured < 39 else 100.0,
        )
    finally:
        release.set()
    assert result.best.milliseconds == 1
    assert result.stopped_because == "the budget of 50 s is spent"
    assert len(result.trials) == 39


@pytest.mark.parametrize(("works", "tried"), [([4, 5], [4]), ([5], [4, 5]), ([], [4, 5, 6])])
def test_where_the_time_is_over_before_the_first_measurement_seeds_are_measured_until_one_works(
    works, tried
):
    class Late(Valley):
        def measure(self, candidate, incumbent_ms):
            if candidate["a"] not in works:
                raise RuntimeError("no")
            return super().measure(candidate, incumbent_ms)

    workload = Late()
    ticks = iter([0.0])
    options = {
        "budget": Budget(seconds=5),
        "jobs": 1,
        "finalists": 0,
        "seeds": [{"a": a} for a in (4, 5, 6, 7)],
        "clock": lambda: next(ticks, 100.0),
    }
    if works:
        assert tune(SPACE, workload, **options).best.point["a"] == tried[-1]
    else:
        with pytest.raises(NoCandidateWorked, match="3 tried"):
            tune(SPACE, workload, **options)
    assert [point["a"] for point in workload.compiled] == tried


@pytest.mark.parametrize(
    ("each", "finalists", "searched", "seconds"),
    [(0.5, 4, 67, 39.5), (0.5, 1, 79, 39.5), (2.0, 4, 15, 54)],  # a quarter at most is kept
)
def test_the_time_for_the_finalists_is_a_part_of_the_budget(each, finalists, searched, seconds):
    class Slow(Valley):
        seconds = 0.0

        def measure(self, candidate, incumbent_ms):
            self.seconds += each
            return super().measure(candidate, incumbent_ms)

    workload = Slow()
    result = tune(
        Space({"a": Integer(0, 99), "b": Boolean()}),
        workload,
        strategy=RandomSearch(batch=1),
        jobs=1,
        budget=Budget(seconds=40),
        finalists=finalists,
        clock=lambda: workload.seconds,
    )
    assert len(result.trials) == searched
    assert result.stopped_because == "the budget of 40 s is spent"
    assert result.seconds == seconds
