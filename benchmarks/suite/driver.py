"""Measure cases one after the other, each in a process of its own, until all are done or the budget is spent."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import attrs

from benchmarks.suite.machine import ROOT
from benchmarks.suite.records import CaseRecord, Results, read_case, write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from benchmarks.suite.task import Task

WORKER = (sys.executable, "-m", "benchmarks.suite.worker")
LEAST_SECONDS = 15.0
"""What a case needs to start at all."""
_LAST_LINES = 15


@attrs.frozen
class Pace:
    """How long things may take: a case so many seconds, and all of them ``budget``, from ``began`` on."""

    case: float
    budget: float | None = None
    clock: Callable[[], float] = time.monotonic
    began: float = attrs.field(init=False)

    @began.default
    def _now(self) -> float:
        return self.clock()

    def left(self) -> float:
        """Seconds that the next case may take."""
        if self.budget is None:
            return self.case
        return min(self.case, self.budget - (self.clock() - self.began))


def run_all(
    tasks: Iterable[Task],
    pace: Pace,
    results: Results,
    output: Path,
    *,
    progress: Callable[[CaseRecord], None],
    worker: Sequence[str] = WORKER,
) -> None:
    """Add the record of each task to ``results``, and write them to ``output/results.json`` every time."""
    for task in tasks:
        left = pace.left()
        if left < LEAST_SECONDS:
            record = CaseRecord(task.case, "not run", f"the budget of {pace.budget} s was spent")
        else:
            record = run(task, left, output, worker)
        results.machine = results.machine or record.machine or {}
        record.machine = None
        results.cases.append(record)
        write_json(output / "results.json", results)
        progress(record)


def run(task: Task, seconds: float, output: Path, worker: Sequence[str] = WORKER) -> CaseRecord:
    """The record of one case. What its process prints goes to a file beside the record."""
    folder = output / "cases"
    folder.mkdir(parents=True, exist_ok=True)
    told, written = folder / f"{task.case}.task.json", folder / f"{task.case}.json"
    task.write(told)
    written.unlink(missing_ok=True)
    log = folder / f"{task.case}.log"
    began = time.monotonic()
    with log.open("wb") as file:
        status = run_for([*worker, str(told), str(written)], file.fileno(), seconds)
    record = read_case(written) or CaseRecord(task.case)
    if record.ending != "measured":
        record.seconds = round(time.monotonic() - began, 3)
        record.ending = "timed out" if status is None else "failed"
        last = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
        why = f"it took more than {seconds:.0f} s" if status is None else f"status {status}"
        record.reason = "\n".join([": ".join([why, *last[-1:]]), *last[-_LAST_LINES:-1]])
    return record


def run_for(command: Sequence[str], output: int, seconds: float) -> int | None:
    """The exit status, or None where it was ended for taking too long. Nothing that it started survives it.

    It runs in the root of the checkout, whose packages it finds, and writes to the file descriptor ``output``.
    """
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        start_new_session=True,
    )
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
