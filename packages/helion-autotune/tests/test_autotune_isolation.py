"""Measuring in worker processes: what a candidate does wrong costs its own trial, and nothing else."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from helion_autotune import (
    Budget,
    Choice,
    Integer,
    Isolation,
    Space,
    Status,
    tune,
)
from helion_autotune.blueprint import NotPortableError, portable
from helion_autotune.runner import CannotMeasureError

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="isolated measuring needs Linux, which is what GPUs run on"
)


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    """Workers look where the session looks."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


@pytest.fixture
def workloads():
    import faulty_workloads

    return faulty_workloads


def space(workloads, *faults, size=3):
    """Healthy points around every fault."""
    return Space({"a": Integer(0, size - 1), "fault": Choice([None, *faults])})


def tuned(space, workload, **options):
    limits = Isolation(start=60, measure=1.0, hurry=1.0)
    options = {"strategy": "finite", "jobs": 2, "isolation": limits, **options}
    return tune(space, workload, **options)


DEATHS = {
    "hang": (Status.TIMEOUT, "no result within 1.0 s"),
    "spin_without_the_lock_released": (Status.TIMEOUT, "its worker was killed"),
    "crash": (Status.RUN_ERROR, "WorkerDied: its worker died by SIGSEGV"),
    "write_to_address_zero": (Status.RUN_ERROR, "died by SIGSEGV (Segmentation fault)"),
    "leave": (Status.RUN_ERROR, "WorkerDied: its worker ended by itself with exit status 7"),
    "leave_politely": (Status.RUN_ERROR, "exit status 1; it printed"),
    "exhaust_memory": (Status.RUN_ERROR, "MemoryError"),
    "be_wrong": (Status.WRONG_RESULT, "WrongResult: 3 of 8 elements differ"),
    "lose_the_context": (Status.RUN_ERROR, "illegal memory access was encountered (its worker was"),
    "write_over_the_arguments": (Status.OK, ""),
    "print_and_crash": (Status.RUN_ERROR, "it printed: assertion `index < size` failed"),
}


def test_every_fault_is_tried_here(workloads):
    assert DEATHS.keys() == workloads.FAULTS.keys()


@pytest.mark.parametrize("fault", DEATHS)
def test_a_fault_costs_its_own_trial_alone(workloads, fault):
    status, words = DEATHS[fault]
    result = tuned(space(workloads, fault), workloads.Faulty())
    assert result.best.point.to_json() == {"a": 0, "fault": None}
    for trial in result.trials:
        if trial.point["fault"] is None:
            assert trial.milliseconds == trial.point["a"] + 1
        else:
            assert trial.status is status
            assert words in (trial.error or "")


def test_what_was_written_over_costs_no_later_candidate(workloads):
    """The one that does it looks well; the next one does not, until it is measured in a fresh worker."""
    result = tuned(space(workloads, "write_over_the_arguments"), workloads.Faulty())
    assert all(trial.ok for trial in result.trials)


def test_nothing_is_measured_in_the_sessions_process(workloads):
    workload = workloads.Faulty()
    result = tuned(space(workloads), workload)
    assert result.best.ok
    assert workload.here == 0


def test_a_healthy_worker_serves_the_whole_session(workloads, monkeypatch):
    from helion_autotune.isolation import server_process

    forked = []
    fork = server_process.ServerProcess.fork

    def counted(self, seconds):
        worker = fork(self, seconds)
        forked.append(worker.pid)
        return worker

    monkeypatch.setattr(server_process.ServerProcess, "fork", counted)
    tuned(space(workloads, "be_wrong", "exhaust_memory", size=4), workloads.Faulty())
    assert len(forked) == 1
    forked.clear()
    tuned(space(workloads, "crash", size=4), workloads.Faulty())
    assert len(forked) == 1 + 4
    assert os.getpid() not in forked


def test_the_sessions_program_is_not_run_again(tmp_path, workloads):
    import subprocess

    script = tmp_path / "program.py"
    script.write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "print('the program runs')\n"
        "from faulty_workloads import *\n"
        "from helion_autotune import *\n"
        "space = Space({'a': Integer(0, 3), 'fault': Choice([None, 'crash'])})\n"
        "print(tune(space, Faulty(), strategy='finite').best.point)\n"
    )
    found = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert found.stdout.splitlines() == ["the program runs", '{"a": 0, "fault": null}']


def test_what_can_be_pickled_is_isolated_when_asked_for(workloads):
    result = tuned(space(workloads, "crash"), workloads.Plain(), isolation=True)
    assert result.best.ok
    assert sum(trial.status is Status.RUN_ERROR for trial in result.trials) == 3


def test_asking_for_what_cannot_be_isolated_is_an_error(workloads):
    workload = workloads.Faulty(problem=threading.Lock())
    with pytest.raises(NotPortableError, match="lock"):
        tuned(space(workloads), workload)
    workload = workloads.Faulty(problem="no memory left on the device")
    with pytest.raises(CannotMeasureError, match="MemoryError: no memory left on the device"):
        tuned(space(workloads), workload)


@pytest.mark.parametrize("problem", [threading.Lock(), "no memory left on the device"])
def test_by_default_what_cannot_be_isolated_is_measured_here_and_said(workloads, problem):
    workload = workloads.Faulty(problem=problem)
    with pytest.warns(RuntimeWarning, match="measured in this process") as warned:
        result = tuned(space(workloads), workload, isolation=None)
    assert result.best.ok
    assert workload.here > 3
    assert len(warned) == 1


def test_isolation_can_be_turned_off(workloads):
    workload = workloads.Faulty()
    tuned(space(workloads), workload, isolation=False)
    assert workload.here > 3


def test_a_deadline_during_a_hang_ends_the_session_in_time(workloads):
    points = Space({"a": Integer(0, 1), "fault": Choice([None, "hang"])})
    start = time.monotonic()
    result = tune(
        points,
        workloads.Faulty(),
        strategy="finite",
        budget=Budget(seconds=8),
        isolation=Isolation(measure=120, hurry=120),
        jobs=1,
    )
    assert time.monotonic() - start < 60
    assert result.stopped_because == "the budget of 8 s is spent"
    assert {trial.status for trial in result.trials} == {Status.OK}, "what was cut off is no trial"


def test_main_programs_and_local_functions_are_not_portable():
    def local():
        pass

    class InMain:
        pass

    InMain.__module__ = "__main__"
    with pytest.raises(NotPortableError, match="local"):
        portable(local)
    with pytest.raises(NotPortableError, match="defined in the main program"):
        portable({"key": [InMain]})


def test_limits_must_be_positive():
    with pytest.raises(ValueError, match="above 0"):
        Isolation(measure=0)
    limits = Isolation(measure=20, hurry=3)
    assert limits.seconds(None) == 20
    assert limits.seconds(2.0) == 4.0
    assert limits.seconds(1000.0) == 20
