"""Measuring in worker processes: what a candidate does wrong costs its own trial, and nothing else."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

import pytest

from benchmarks.fault_injection.faults import EXPECTED, Faulty, Plain, perform, space
from helion_autotune import (
    Budget,
    Choice,
    Integer,
    Isolation,
    Space,
    Status,
    tune,
    tune_function,
)
from helion_autotune.blueprint import NotPortableError, portable
from helion_autotune.runner import CannotMeasureError

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="isolated measuring needs Linux, which is what GPUs run on"
)


def tuned(space, workload, **options):
    limits = Isolation(start=60, measure=1.0, hurry=1.0)
    options = {"strategy": "finite", "jobs": 2, "isolation": limits, **options}
    return tune(space, workload, **options)


@pytest.mark.parametrize("fault", EXPECTED)
def test_a_fault_costs_its_own_trial_alone(fault):
    status, words = EXPECTED[fault]
    result = tuned(space(fault, size=3), Faulty())
    assert result.best.point.to_json() == {"a": 0, "fault": None}
    for trial in result.trials:
        if trial.point["fault"] is None:
            assert trial.milliseconds == trial.point["a"] + 1
        else:
            assert trial.status is status
            assert words in (trial.error or "")


def test_what_was_written_over_costs_no_later_candidate():
    """The one that does it looks well; the next one does not, until it is measured in a fresh worker."""
    result = tuned(space("write_over_the_arguments", size=3), Faulty())
    assert all(trial.ok for trial in result.trials)


def test_nothing_is_measured_in_the_sessions_process():
    workload = Faulty()
    result = tuned(space(size=3), workload)
    assert result.best.ok
    assert workload.here == 0


def test_a_healthy_worker_serves_the_whole_session(monkeypatch):
    from helion_autotune.isolation import server_process

    forked = []
    fork = server_process.ServerProcess.fork

    def counted(self):
        worker = fork(self)
        forked.append(worker)
        return worker

    monkeypatch.setattr(server_process.ServerProcess, "fork", counted)
    tuned(space("be_wrong", "exhaust_memory", size=4), Faulty())
    assert len(forked) == 1
    forked.clear()
    tuned(space("crash", size=4), Faulty())
    assert len(forked) == 1 + 4
    assert os.getpid() not in {worker.pid for worker in forked}


def test_the_sessions_program_is_not_run_again(tmp_path):
    import subprocess

    script = tmp_path / "program.py"
    script.write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[3])!r})\n"
        "print('the program runs')\n"
        "from benchmarks.fault_injection.faults import Faulty, space\n"
        "from helion_autotune import tune\n"
        "print(tune(space('crash', size=4), Faulty(), strategy='finite').best.point)\n"
    )
    found = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert found.stdout.splitlines() == ["the program runs", '{"a": 0, "fault": null}']


def test_a_module_that_tunes_while_it_is_imported_is_told_so(tmp_path, monkeypatch):
    (tmp_path / "tunes_itself.py").write_text(
        "from benchmarks.fault_injection.faults import Faulty, measurer, space\n"
        "from helion_autotune import Blueprint, tune\n"
        "class Mine(Faulty):\n"
        "    def blueprint(self):\n"
        "        return Blueprint('tunes_itself:measurer', lambda: 0.0)\n"
        "RESULT = tune(space(size=2), Mine(), strategy='finite')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.warns(RuntimeWarning, match="tunes while it is imported"):
        import tunes_itself
    assert tunes_itself.RESULT.best.ok


def test_what_can_be_pickled_is_isolated_when_asked_for():
    result = tuned(space("crash", size=3), Plain(), isolation=True)
    assert result.best.ok
    assert sum(trial.status is Status.RUN_ERROR for trial in result.trials) == 3


def test_functions_of_modules_are_isolated_when_asked_for():
    options = {"strategy": "finite", "jobs": 1}
    result = tune_function(perform, space("crash", size=2), isolation=True, **options)
    assert [trial.ok for trial in result.trials] == [True, False] * 2
    with pytest.raises(NotPortableError, match="lambda"):
        tune_function(lambda a, fault: a, space(size=2), isolation=True, **options)


def test_asking_for_what_cannot_be_isolated_is_an_error():
    workload = Faulty(threading.Lock())
    with pytest.raises(NotPortableError, match="lock"):
        tuned(space(size=3), workload)
    workload = Faulty("no memory left on the device")
    with pytest.raises(CannotMeasureError, match="MemoryError: no memory left on the device"):
        tuned(space(size=3), workload)


@pytest.mark.parametrize("problem", [threading.Lock(), "no memory left on the device"])
def test_by_default_what_cannot_be_isolated_is_measured_here_and_said(problem):
    workload = Faulty(problem)
    with pytest.warns(RuntimeWarning, match="measured in this process") as warned:
        result = tuned(space(size=3), workload, isolation=None)
    assert result.best.ok
    assert workload.here > 3
    assert len(warned) == 1


def test_isolation_can_be_turned_off():
    workload = Faulty()
    tuned(space(size=3), workload, isolation=False)
    assert workload.here > 3


def test_a_deadline_during_a_hang_ends_the_session_in_time():
    points = Space({"a": Integer(0, 1), "fault": Choice([None, "hang"])})
    start = time.monotonic()
    result = tune(
        points,
        Faulty(),
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
