"""One session on several GPUs; what is needed of a GPU here is that processes are told which one is theirs."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip(
        "isolated measuring needs Linux, which is what GPUs run on", allow_module_level=True
    )

from benchmarks.fault_injection.campaign import candidates_that_do_harm
from benchmarks.fault_injection.processes import runs, wait
from helion_autotune import (
    Budget,
    CannotMeasureError,
    Choice,
    Integer,
    Isolation,
    NoProgress,
    Records,
    Space,
    Status,
    tune,
)
from helion_autotune.isolation import LocalGPUs, lane_source
from helion_autotune.isolation.local_gpus import in_the_place_of

FIRST, SECOND = "4,7", "7,4"


@pytest.fixture
def workload(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    import measured_anywhere

    return lambda *broken: measured_anywhere.Workload(tmp_path, broken)


def points(size, *things):
    return Space({"a": Integer(0, size - 1), "do": Choice(list(things) or [None])})


def tuned(space, workload, *, measure=20.0, **options):
    limits = Isolation(measure=measure, hurry=measure, devices=(0, 1))
    defaults = {"strategy": "finite", "jobs": 1, "isolation": limits, "finalists": 0}
    return tune(space, workload, **{**defaults, **options})


def test_candidates_are_measured_at_the_same_time(workload):
    workload = workload()
    result = tuned(points(2, "meet"), workload)
    assert all(trial.ok for trial in result.trials), "each waits until the other one is measured"
    assert sorted(workload.places()) in (
        [("0", FIRST), ("1", SECOND)],
        [("0", SECOND), ("1", FIRST)],
    )


def test_results_come_together_in_the_records(workload, tmp_path):
    space, path = points(30), tmp_path / "records.jsonl"
    first = tuned(space, workload(), records=path, budget=Budget(evaluations=20))
    assert len(first.trials) == 20
    again = tuned(space, workload(), records=path)
    assert len(again.trials) == 30
    assert again.best.milliseconds == 1.0
    measured = [number for number, _ in workload().places()]
    assert sorted(measured, key=int) == [str(number) for number in range(30)], "none twice"
    assert len(Records(path).trials(space.fingerprint, "")) == 30


def test_a_worker_that_dies_loses_its_own_trial_alone(workload):
    result = tuned(points(12, None, "crash"), workload())
    assert len(result.trials) == 24
    for trial in result.trials:
        assert trial.ok == (trial.point["do"] is None)
        if not trial.ok:
            assert "died by SIGSEGV" in trial.error


def test_every_fault_is_survived_on_several_gpus(monkeypatch, tmp_path):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
    isolation = "benchmarks.fault_injection.campaign.Isolation"
    monkeypatch.setattr(isolation, lambda **limits: Isolation(devices="all", **limits))
    assert candidates_that_do_harm(tmp_path, 26) == 26


def test_a_gpu_that_cannot_measure_is_left_out(workload):
    workload = workload(SECOND)
    with pytest.warns(RuntimeWarning, match=r"1 are left: no worker.*GPU 7,4 is full"):
        result = tuned(points(10), workload)
    assert [trial.milliseconds for trial in result.trials] == [a + 1.0 for a in range(10)]
    assert {place for _, place in workload.places()} == {FIRST}


def test_the_last_gpu_that_cannot_measure_ends_the_session(workload):
    with (
        pytest.warns(RuntimeWarning, match="one GPU fewer"),
        pytest.raises(CannotMeasureError, match="is full"),
    ):
        tuned(points(10), workload(FIRST, SECOND))


def test_finalists_are_compared_on_one_gpu(workload):
    workload = workload()
    result = tuned(points(8), workload, finalists=3)
    assert len(result.finalists) == 3
    assert {place for _, place in workload.places()[8:]} == {FIRST}


def test_a_deadline_ends_hangs_on_all_gpus(workload):
    start = time.monotonic()
    result = tuned(
        points(5, None, "hang"), workload(), measure=300.0, budget=Budget(seconds=8), jobs=2
    )
    assert time.monotonic() - start < 60
    assert {trial.status for trial in result.trials} <= {Status.OK}


def test_an_interrupted_session_leaves_nothing_behind(workload):
    class Interrupting(NoProgress):
        def trial(self, trial):
            raise KeyboardInterrupt

    workload = workload()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        tuned(points(2, None, "hang"), workload, measure=300.0, progress=Interrupting())
    assert time.monotonic() - start < 60
    wait(lambda: not any(map(runs, workload.workers())))


def test_each_gpu_takes_the_place_of_the_sessions_own():
    visible = ["a", "b", "c"]
    assert in_the_place_of(1, 1, visible) == {}
    assert in_the_place_of(0, 2, visible) == {"CUDA_VISIBLE_DEVICES": "c,b,a"}
    assert in_the_place_of(1, 0, visible) == {"CUDA_VISIBLE_DEVICES": "b,a,c"}


def test_gpus_are_named_as_one_likes(workload):
    assert lane_source("all") == LocalGPUs(None)
    assert lane_source([1, 0]) == LocalGPUs((1, 0))
    assert lane_source(LocalGPUs((3,))) == LocalGPUs((3,))
    with pytest.raises(TypeError, match="indices of GPUs"):
        lane_source("0,1")
    with pytest.raises(CannotMeasureError, match="no GPU 2 to measure on; this process sees 2"):
        tuned(points(2), workload(), isolation=Isolation(devices=[2]))
