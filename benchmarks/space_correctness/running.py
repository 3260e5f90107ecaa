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
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import attrs

from benchmarks.space_correctness.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Turn: TypeAlias = tuple[str, Sequence[int]]
    """Some draws of a case."""

ROOT = Path(__file__).resolve().parents[2]
WORKER = (sys.executable, "-m", "benchmarks.space_correctness.worker")
SECONDS = 300.0
"""How long all kernels of one draw may take, with what is prepared for the first draw of a turn, for no target."""
SECONDS_PER_TARGET = 180.0
"""How much longer for each: some cases run three kernels, and one compilation may take a minute."""
PER_PROCESS = 200
"""Draws after which another process takes over, so that memory stays bounded."""


class DeadlinePassed(Exception):  # the end of a run, not a mistake
    """A draw was not done when the run had to end."""


@attrs.frozen
class Workers:
    """What the processes of a run are given to do.

    Attributes:
        device: where configs run.
        targets: what they are compiled for besides.
        compile_only: whether nothing is run there.
        compiled: a file of what compiles (:mod:`benchmarks.space_correctness.compiled`).
        program: what is started, before these arguments.
        seconds: how long a draw may take; None for what so many targets need.
    """

    device: str
    targets: Sequence[str] = ()
    compile_only: bool = False
    compiled: Path | None = None
    program: Sequence[str] = WORKER
    seconds: float | None = None

    @property
    def command(self) -> list[str]:
        """What is started."""
        alone = ["--compile-only"] if self.compile_only else []
        kept = [] if self.compiled is None else ["--compiled", str(self.compiled)]
        return [*self.program, self.device, *alone, *kept, "--targets", *self.targets]

    @property
    def limit(self) -> float:
        """In seconds."""
        most = SECONDS + SECONDS_PER_TARGET * len(self.targets)
        return most if self.seconds is None else self.seconds

    @property
    def spoilt_by_errors(self) -> bool:
        """Whether a wrong access spoils what comes after it."""
        return self.device != "cpu" and not self.compile_only


class Worker:
    """A process, started when it is first asked and again after each end."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._process: subprocess.Popen[str] | None = None
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._left = 0

    def ask(self, case: str, draw: int, deadline: float | None) -> list[Outcome]:
        """What came of a draw.

        Raises:
            DeadlinePassed: nothing yet; the process is ended.
        """
        seconds = limit = self._workers.limit
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
            if not ready and seconds < limit:
                raise DeadlinePassed
            if not ready:
                return [Outcome(case, draw, "", "", "timeout", f"after {limit:.0f} s")]
            how = f"the process ended: {process.returncode}"
            return [Outcome(case, draw, "", "", "crash", how)]
        outcomes = [Outcome(**one) for one in json.loads(line)]
        if self._workers.spoilt_by_errors and any(one.kind == "error" for one in outcomes):
            self.close()
        return outcomes

    def close(self) -> None:
        """End the process, and those that it started to compile."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None or not self._left:
            self.close()
            self._scratch = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
            self._process = subprocess.Popen(
                self._workers.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                cwd=ROOT,
                env={**os.environ, "OMP_NUM_THREADS": "1", **_kept_in(self._scratch.name)},
                start_new_session=True,
            )
            self._left = PER_PROCESS
        self._left -= 1
        return self._process


def _kept_in(folder: str) -> dict[str, str]:
    """The environment in which Triton and its assembler leave their files in ``folder``: tens of thousands of binaries
    would stay, half a megabyte each with the texts that they were made of.
    """
    return {"TRITON_CACHE_DIR": folder, "TMPDIR": folder}


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
    workers: Workers,
    *,
    processes: int = 1,
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
        worker = Worker(workers)
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
