"""One session on the GPUs of a Ray cluster, which is this machine and has GPUs in name only."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from benchmarks.fault_injection.processes import descendants, runs, wait
from helion_autotune import (
    CannotMeasureError,
    Choice,
    Integer,
    Isolation,
    NoProgress,
    Records,
    Space,
    tune,
)
from helion_autotune.ray_gpus import RayGPUs

ray = pytest.importorskip("ray", reason="needs Ray: pip install 'helion-autotune[ray]'")

TESTS = str(Path(__file__).parent)
ROOT = str(Path(__file__).parents[3])


@pytest.fixture(scope="module", autouse=True)
def cluster():
    path = os.pathsep.join([TESTS, ROOT, *(entry for entry in sys.path if entry)])
    ray.init(
        num_cpus=2,
        num_gpus=2,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": path}},
    )
    yield
    ray.shutdown()


@pytest.fixture
def workload(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(TESTS)
    import measured_anywhere

    return lambda *broken, **more: measured_anywhere.Workload(tmp_path, broken, **more)


def points(size, *things):
    return Space({"a": Integer(0, size - 1), "do": Choice(list(things) or [None])})


def tuned(space, workload, *, measure=20.0, source=None, **options):
    limits = Isolation(measure=measure, hurry=measure, devices=source or RayGPUs())
    defaults = {"strategy": "finite", "jobs": 1, "isolation": limits, "finalists": 0}
    return tune(space, workload, **{**defaults, **options})


def test_candidates_are_measured_at_the_same_time_each_on_its_gpu(workload):
    workload = workload()
    result = tuned(points(2, "meet"), workload)
    assert all(trial.ok for trial in result.trials), "each waits until the other one is measured"
    assert sorted(place for _, place in workload.places()) == ["0", "1"]


def test_a_candidate_that_crashes_costs_its_own_trial_alone(workload, tmp_path):
    space, path = points(6, None, "crash"), tmp_path / "records.jsonl"
    result = tuned(space, workload(), records=path)
    assert [trial.ok for trial in result.trials] == [True, False] * 6
    assert all("died by SIGSEGV" in trial.error for trial in result.trials if not trial.ok)
    assert len(Records(path).trials(space.fingerprint, "")) == 12


def test_an_actor_that_dies_is_one_lane_fewer_and_loses_nothing(workload):
    class Killing(NoProgress):
        killed = 0

        def trial(self, trial):
            if not self.killed:
                self.killed = _kill_an_actor()

    progress = Killing()
    with pytest.warns(RuntimeWarning, match="one GPU fewer measures, 1 are left: a Ray actor"):
        result = tuned(points(40), workload(), progress=progress)
    assert progress.killed
    assert [trial.milliseconds for trial in result.trials] == [a + 1.0 for a in range(40)]


def _kill_an_actor():
    """Kill a process of Ray's that holds a lane; its number."""
    for pid in descendants(os.getpid()):
        name = Path(f"/proc/{pid}/cmdline").read_bytes()
        if name.startswith(b"ray::RemoteWorkers"):
            os.kill(pid, 9)
            return pid
    raise AssertionError("no actor is there")


def test_a_gpu_that_cannot_measure_is_left_out(workload):
    with pytest.warns(RuntimeWarning, match=r"1 are left: no worker.*GPU 1 is full"):
        result = tuned(points(10), workload("1"))
    assert all(trial.ok for trial in result.trials)


def test_workers_end_with_their_session(workload):
    workload = workload()
    tuned(points(4, None, "hang"), workload, measure=1.0)
    workers = workload.workers()
    assert len(workers) > 2, "some were renewed"
    wait(lambda: not any(map(runs, workers)))


def test_what_ray_cannot_do_is_said(workload):
    with pytest.raises(CannotMeasureError, match="CUDA_VISIBLE_DEVICES=1"):
        tuned(points(2), workload(device=1))
    with pytest.raises(CannotMeasureError, match="has 2 GPUs, of which 0 are wanted"):
        tuned(points(2), workload(), source=RayGPUs(0))
