"""Give draws to processes beside this one, which a wrong access may kill and a wrong loop may hang."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from benchmarks.space_correctness.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Turn: TypeAlias = tuple[str, Sequence[int]]
    """Some draws of a case."""

ROOT = Path(__file__).resolve().parents[2]
WORKER = (sys.executable, "-m", "benchmarks.space_correctness.worker")
SECONDS = 300.0
"""How long all kernels of one draw may take, with what is prepared for the first draw of a turn."""
PER_PROCESS = 200
"""Draws after which another process takes over, so that memory stays bounded."""


class DeadlinePassed(Exception):  # the end of a run, not a mistake
    """A draw was not done when the run had to end."""


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

    def ask(self, case: str, draw: int, deadline: float | None) -> list[Outcome]:
        """What came of a draw.

        Raises:
            DeadlinePassed: nothing yet; the process is ended.
        """
        seconds = self._seconds
        if deadline is not None:
            seconds = min(seconds, deadline - time.monotonic())
        if seconds <= 0:
            raise DeadlinePassed
        process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        ready: Sequence[object] = [process.stdout]
        line = ""
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps({"case": case, "draw": draw}) + "\n")
            process.stdin.flush()
            ready, _, _ = select.select([process.stdout], [], [], seconds)
            line = process.stdout.readline() if ready else ""
        if not line:
            self.close()
            if not ready and seconds < self._seconds:
                raise DeadlinePassed
            if not ready:
                return [Outcome(case, draw, "", "", "timeout", f"after {self._seconds:.0f} s")]
            how = f"the process ended: {process.returncode}"
            return [Outcome(case, draw, "", "", "crash", how)]
        outcomes = [Outcome(**one) for one in json.loads(line)]
        if self._renew_after_errors and any(one.kind == "error" for one in outcomes):
            self.close()
        return outcomes

    def close(self) -> None:
        """End the process, and those that it started to compile."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
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
                start_new_session=True,
            )
            self._left = PER_PROCESS
        self._left -= 1
        return self._process


def turns(todo: Iterable[tuple[str, Sequence[int]]], alike: int) -> list[Turn]:
    """The draws of each case, ``alike`` numbers at a time (0 to ``alike`` - 1, and so on), the first of all cases
    before the second of any.
    """
    found: dict[int, list[Turn]] = {}
    for case, draws in todo:
        for number in dict.fromkeys(draw // alike for draw in draws):
            own = [draw for draw in draws if draw // alike == number]
            found.setdefault(number, []).append((case, own))
    return [turn for number in sorted(found) for turn in found[number]]


def run_all(
    todo: Sequence[Turn],
    tell: Callable[[list[Outcome]], None],
    *,
    device: str,
    targets: Sequence[str] = (),
    processes: int = 1,
    command: Sequence[str] = WORKER,
    seconds: float = SECONDS,
    deadline: float | None = None,
) -> None:
    """Every turn, one at a time in each of ``processes``; ``tell`` gets outcomes as they come.

    At ``deadline``, of the monotonic clock, processes are ended; of the draws that they were at, nothing is told.
    """
    waiting: queue.SimpleQueue[Turn] = queue.SimpleQueue()
    for turn in todo:
        waiting.put(turn)
    lock = threading.Lock()

    def work() -> None:
        worker = Worker(device, targets, command, seconds)
        with contextlib.closing(worker), contextlib.suppress(queue.Empty, DeadlinePassed):
            while True:
                case, draws = waiting.get_nowait()
                for draw in draws:
                    outcomes = worker.ask(case, draw, deadline)
                    with lock:
                        tell(outcomes)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(processes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
