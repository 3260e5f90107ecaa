"""Fork servers that outlive their sessions, and what workers do before there is anything to measure."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip(
        "isolated measuring needs Linux, which is what GPUs run on", allow_module_level=True
    )

from benchmarks.fault_injection.faults import Faulty, space
from benchmarks.fault_injection.processes import runs, wait
from helion_autotune import Blueprint, Call, CannotMeasureError, Isolation, tune
from helion_autotune.isolation import ForkServers, fork_server
from helion_autotune.isolation.server_process import ServerProcess

MODULES = ("benchmarks.fault_injection.faults",)


@pytest.fixture
def started(monkeypatch):
    """Process numbers of the servers that are started."""
    found = []
    begin = ServerProcess.__init__

    def noted(self, *arguments):
        begin(self, *arguments)
        found.append(self._process.pid)

    monkeypatch.setattr(ServerProcess, "__init__", noted)
    return found


@pytest.fixture
def servers():
    servers = ForkServers()
    yield servers
    servers.close()


def session(servers, *faults, workload=None):
    limits = Isolation(measure=2.0, hurry=2.0, servers=servers)
    options = {"strategy": "finite", "isolation": limits, "jobs": 1, "finalists": 0}
    return tune(space(*faults, size=2), workload or Faulty(), **options)


def test_sessions_have_their_workers_of_one_server(started, servers):
    servers.prepare(MODULES)
    servers.prepare(MODULES)
    for _ in range(3):
        assert session(servers, "crash").best.ok
    assert len(started) == 1
    servers.close()
    assert not runs(started[0])


def test_without_somewhere_to_wait_a_server_ends_with_its_session(started):
    session(None)
    session(None)
    assert len(started) == 2
    assert not any(map(runs, started))


def test_a_server_that_has_died_meanwhile_costs_nothing(started, servers):
    session(servers)
    os.kill(started[0], signal.SIGKILL)
    wait(lambda: not runs(started[0]))
    found = session(servers, "crash")
    assert [trial.ok for trial in found.trials].count(True) == 2
    assert len(started) == 2


def test_a_server_serves_only_circumstances_like_its_own(started, servers, monkeypatch, tmp_path):
    session(servers)
    monkeypatch.setenv("SOME_SWITCH", "1")
    session(servers)
    monkeypatch.syspath_prepend(str(tmp_path))
    session(servers)
    session(servers)
    assert len(started) == 3


def test_a_server_stays_where_what_changes_is_not_heeded(started, monkeypatch):
    servers = ForkServers(unheeded=["A_FOLDER"])
    try:
        servers.prepare(MODULES)
        monkeypatch.setenv("A_FOLDER", "/somewhere")
        session(servers)
        monkeypatch.setenv("A_FOLDER", "/elsewhere")
        session(servers)
        assert len(started) == 1
        monkeypatch.setenv("ANOTHER", "1")
        session(servers)
        assert len(started) == 2
    finally:
        servers.close()


def test_children_of_the_process_leave_its_servers_alone(started, servers):
    session(servers)
    pid = os.fork()
    if pid == 0:
        servers.close()
        os._exit(0)
    os.waitpid(pid, 0)
    assert runs(started[0])
    assert session(servers).best.ok
    assert len(started) == 1


def test_a_server_that_nobody_needs_ends(monkeypatch):
    control, other = fork_server.socket.socketpair()
    monkeypatch.setattr(fork_server, "IDLE_SECONDS", 0.05)
    with control, other:
        fork_server.ForkServer(other).serve()


class Opening(Faulty):
    """Begins with a call, and waits a while before it knows more."""

    def __init__(self, call, seconds=0.0):
        super().__init__()
        self.call, self.seconds = call, seconds

    def blueprint(self):
        return Blueprint(f"{MODULES[0]}:measurer", self._payload, opening=self.call)

    def _payload(self):
        time.sleep(self.seconds)
        return 0.0


def test_workers_begin_before_there_is_a_payload(tmp_path):
    place = tmp_path / "open"
    call = Call("pathlib:Path.touch", (place,))

    class Waiting(Opening):
        def _payload(self):
            wait(place.exists)
            return 0.0

    assert session(None, workload=Waiting(call)).best.ok


def test_a_renewed_worker_begins_alike(tmp_path):
    place = tmp_path / "folder"
    found = session(None, "crash", workload=Opening(Call("os:makedirs", (place, 0o777, True))))
    assert found.best.ok
    assert place.is_dir()


def test_an_opening_that_fails_is_told():
    workload = Opening(Call("pathlib:Path.mkdir", (Path("/proc/nowhere"),)))
    with pytest.raises(CannotMeasureError, match=r"FileNotFoundError.*/proc/nowhere"):
        session(None, workload=workload)
    assert workload.here == 0
