"""Give draws to processes beside this one, which a wrong access may kill and a wrong loop may hang."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import select
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.space_correctness.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOT = Path(__file__).resolve().parents[2]
WORKER = (sys.executable, "-m", "benchmarks.space_correctness.worker")
SECONDS = 300.0
"""How long all kernels of one draw may take, with what is prepared for the first draw of a case."""
PER_PROCESS = 200
"""Draws after which another process takes over, so that memory stays bounded."""


class Worker:
    """A process, started when it is first asked and again after each end."""

    def __init__(
        self, device: str, targets: Sequence[str], command: Sequence[str], seconds: float
    ) -> None:
        self._command = [*command, device, *targets]
        self._seconds = seconds
        self._renew_after_errors = device != "cpu"  # a wrong access spoils what comes after it
        self._process: subprocess.Popen[str] | None = None
        self._left = 0

    def ask(self, case: str, draw: int) -> list[Outcome]:
        """What came of a draw."""
        process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        ready: Sequence[object] = [process.stdout]
        line = ""
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps({"case": case, "draw": draw}) + "\n")
            process.stdin.flush()
            ready, _, _ = select.select([process.stdout], [], [], self._seconds)
            line = process.stdout.readline() if ready else ""
        if not line:
            self.close()
            how = f"the process ended: {process.returncode}"
            if not ready:
                return [Outcome(case, draw, "", "", "timeout", f"after {self._seconds:.0f} s")]
            return [Outcome(case, draw, "", "", "crash", how)]
        outcomes = [Outcome(**one) for one in json.loads(line)]
        if self._renew_after_errors and any(one.kind == "error" for one in outcomes):
            self.close()
        return outcomes

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            if self._process.poll() is None:
                self._process.kill()
            self._process.wait()
            self._process = None

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None or not self._left:
            self.close()
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                cwd=ROOT,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
            self._left = PER_PROCESS
        self._left -= 1
        return self._process


def run_all(
    todo: Sequence[tuple[str, Sequence[int]]],
    tell: Callable[[list[Outcome]], None],
    *,
    device: str,
    targets: Sequence[str] = (),
    processes: int = 1,
    command: Sequence[str] = WORKER,
    seconds: float = SECONDS,
    deadline: float | None = None,
) -> None:
    """Every draw of every case, a case at a time in each of ``processes``; ``tell`` gets outcomes as they come.

    No draw begins after ``deadline``, of the monotonic clock.
    """
    cases: queue.SimpleQueue[tuple[str, Sequence[int]]] = queue.SimpleQueue()
    for entry in todo:
        cases.put(entry)
    lock = threading.Lock()

    def work() -> None:
        worker = Worker(device, targets, command, seconds)
        with contextlib.closing(worker), contextlib.suppress(queue.Empty):
            while True:
                case, draws = cases.get_nowait()
                for draw in draws:
                    if deadline is not None and time.monotonic() > deadline:
                        return
                    outcomes = worker.ask(case, draw)
                    with lock:
                        tell(outcomes)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(processes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
