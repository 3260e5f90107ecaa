"""A campaign of faults: each step injects some and raises AssertionError where anything else is lost by them.

In: a folder to write to, and how many faults each step is to inject. Out: how many it did.
"""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING
from unittest.mock import patch

from benchmarks.fault_injection.faults import EXPECTED, Faulty, space
from benchmarks.fault_injection.processes import descendants, runs, wait
from benchmarks.fault_injection.sessions import REFUSED, start
from helion_autotune import Isolation, Records, Status, tune
from helion_autotune.isolation.server_process import ServerProcess, Worker

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from helion_autotune import Point, Trial

#: How long a hang lasts before it is one, in seconds.
HANG_SECONDS = 0.5


def candidates_that_do_harm(folder: Path, count: int) -> int:
    """One search among every kind of fault in candidates, as many of each kind."""
    each = -(-count // len(EXPECTED))
    points = space(*EXPECTED, size=each)
    limits = Isolation(measure=HANG_SECONDS, hurry=HANG_SECONDS)
    result = tune(
        points,
        Faulty(),
        strategy="finite",
        records=folder / "harm.jsonl",
        isolation=limits,
    )
    assert result.best.point.to_json() == {"a": 0, "fault": None}
    trials = {trial.point: trial for trial in result.trials}
    assert len(trials) == each * (len(EXPECTED) + 1)
    for point, trial in trials.items():
        status, words = EXPECTED.get(point["fault"], (Status.OK, ""))
        assert trial.status is status, trial
        assert words in (trial.error or ""), trial
    recorded = Records(folder / "harm.jsonl").trials(points.fingerprint, "")
    assert {(p, t.status, t.error) for p, t in recorded.items()} == {
        (p, t.status, t.error) for p, t in trials.items()
    }, "every trial is in the records, with its config"
    return each * len(EXPECTED)


def killed_workers(folder: Path, count: int) -> int:
    """``kill -9`` of the worker while it measures: that trial alone is lost."""
    del folder
    size = 3 * count
    kills: list[int] = []
    forked: list[Worker] = []
    over = threading.Event()

    def kill() -> None:
        while len(kills) < count and not over.is_set():
            time.sleep(0.03)
            pid = forked[-1].pid if forked else None
            if pid is not None and pid not in kills:
                kills.append(pid)
                os.kill(pid, signal.SIGKILL)

    with _workers_noted(forked):
        killer = threading.Thread(target=kill)
        killer.start()
        try:
            result = tune(
                space(size=size), Faulty(0.02), strategy="finite", isolation=True, finalists=0
            )
        finally:
            over.set()
            killer.join()
    failed = [trial for trial in result.trials if not trial.ok]
    assert len(result.trials) == size
    assert len(failed) <= len(kills), "a worker that died while it began costs no trial"
    assert all("died by SIGKILL" in (trial.error or "") for trial in failed)
    return len(kills)


def killed_sessions(folder: Path, count: int) -> int:
    """``kill -9`` of the session: the next one finds all that was recorded, and no process is left behind."""
    records, size = folder / "killed.jsonl", 10 * count
    fingerprint = space(size=size).fingerprint
    rng = random.Random(0)
    kills = 0
    for _ in range(count):
        process = start(records, size, 0.02)
        known = len(Records(records).trials(fingerprint, ""))
        kills += _killed_behind(process, records, fingerprint, known + rng.randrange(1, 8))
    output = _finish(start(records, size, 0.0))
    assert output.split()[-2:] == ["0", str(size)], output
    lines = [json.loads(line) for line in records.read_bytes().splitlines() if _whole(line)]
    evaluated = sum(line["kind"] == "trial" for line in lines)
    assert evaluated == size, (
        "what was recorded is not evaluated again, and the rest is evaluated once"
    )
    return kills


def _killed_behind(
    process: subprocess.Popen[str], records: Path, fingerprint: str, wanted: int
) -> int:
    """Kill a session behind so many trials; 1, or 0 where it has ended before."""

    def trials() -> dict[Point, Trial]:
        return Records(records).trials(fingerprint, "")

    wait(lambda: len(trials()) >= wanted or process.poll() is not None)
    before = trials()
    killed = process.poll() is None
    if killed:
        children = descendants(process.pid)
        process.kill()
        wait(lambda: not any(map(runs, children)))
    _finish(process)
    assert before.items() <= trials().items(), "nothing that was recorded is lost"
    return int(killed)


def full_disks(folder: Path, count: int) -> int:
    """Files that cannot grow: the search ends as if nothing was, and says that it goes on unrecorded."""
    for number in range(count):
        records = folder / f"full{number}.jsonl"
        output = _finish(start(records, 40, 0.0, "--file-limit", str(2000 + 400 * number)))
        assert "goes on, unrecorded" in output, output
        assert output.split()[-2:] == ["0", "40"], output
        again = _finish(start(records, 40, 0.0))
        assert again.split()[-2:] == ["0", "40"], again
        assert len(Records(records).trials(space(size=40).fingerprint, "")) == 40
    return count


def read_only_caches(folder: Path, count: int) -> int:
    """Folders that nobody may write to: refused before any work, with the path and what to do."""
    locked = folder / "locked"
    locked.mkdir()
    locked.chmod(0o555)
    for number in range(count):
        process = start(locked / f"{number}.jsonl", 4, 0.0, "--as-nobody")
        output = process.communicate(timeout=120)[0]
        assert process.returncode == REFUSED, output
        assert f"cannot write records to {locked / f'{number}.jsonl'}" in output, output
    return count


def rivals(folder: Path, count: int) -> int:
    """Eight sessions that tune the same key at once, in turns until there were ``count``."""
    ran = 0
    for turn in range(-(-count // 8)):
        records, size = folder / f"rivals{turn}.jsonl", 24
        processes = [start(records, size, 0.005) for _ in range(8)]
        for output in map(_finish, processes):
            assert output.split()[-2:] == ["0", str(size)], output
        content = records.read_bytes()
        assert all(map(_whole, content.splitlines())), "lines of rivals do not mix"
        assert len(Records(records).trials(space(size=size).fingerprint, "")) == size
        ran += 8
    return ran


#: The steps, each with its share of the faults, in twentieths.
STEPS: dict[Callable[[Path, int], int], int] = {
    candidates_that_do_harm: 11,
    killed_workers: 2,
    killed_sessions: 2,
    full_disks: 1,
    read_only_caches: 1,
    rivals: 3,
}


def run(folder: Path, total: int) -> Iterator[tuple[str, int, float]]:
    """Each step's name, how many faults it injected, and how long that took in seconds."""
    for step, share in STEPS.items():
        began = time.monotonic()
        done = step(folder, max(round(total * share / 20), 1))
        yield step.__name__, done, time.monotonic() - began


@contextmanager
def _workers_noted(forked: list[Worker]) -> Iterator[None]:
    """Within, workers are added to a list as they are forked."""
    fork = ServerProcess.fork

    def noted(server: ServerProcess) -> Worker:
        worker = fork(server)
        forked.append(worker)
        return worker

    with patch.object(ServerProcess, "fork", noted):
        yield


def _finish(process: subprocess.Popen[str]) -> str:
    output, errors = process.communicate(timeout=300)
    if process.returncode not in (0, -signal.SIGKILL):
        raise AssertionError(f"a session ended with {process.returncode}: {output}{errors}")
    return output


def _whole(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True
