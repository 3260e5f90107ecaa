"""Run many programs in a process beside this one, which a wrong access may kill and a wrong loop may hang."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import pickle
import select
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from .check import Kind, Outcome, check
from .limits import SECONDS, compiler, patience
from .program import write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .program import RandomProgram

PER_PROCESS = 150
"""Programs that one process runs before another takes over, so that its memory stays bounded."""
SECONDS_TO_END = 10.0
_READY = "ready"
_CUDA_ERROR = "CUDA error"
_PACKAGE = __name__.rpartition(".")[0]
_ROOT = Path(__file__).parents[_PACKAGE.count(".") + 1]


class Worker:
    """A process that reads jobs, a line each, and answers with outcomes."""

    def __init__(self, device: str, target: str | None = None) -> None:
        self._device = device
        self._serving = ["--serve", device, *([] if target is None else ["--target", target])]
        self._process: subprocess.Popen[str] | None = None
        self._left = 0

    def run(
        self, program: int | RandomProgram, attempt: int = 0, seconds: float = SECONDS
    ) -> Outcome:
        """One program, or that of a number, on the config of an attempt, for so many seconds."""
        process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        number = program if isinstance(program, int) else program.number
        process.stdin.write(_as_line((program, attempt, seconds)))
        process.stdin.flush()
        allowed = patience(self._device, seconds)
        ready, _, _ = select.select([process.stdout], [], [], allowed)
        line = process.stdout.readline() if ready else ""
        if not line:
            if ready:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(SECONDS_TO_END)  # it closes what it answers through before it ends
            self.close()
            kind: Kind = "crash" if ready else "timeout"
            told = f"the process ended: {process.returncode}"
            return Outcome(number, kind, told if ready else f"no answer in {allowed:.0f} seconds")
        outcome = Outcome(**json.loads(line))
        if _CUDA_ERROR in outcome.detail:
            self.close()  # whatever ran there next would fail, too
        return outcome

    def close(self) -> None:
        """End the process, with what compiles for it."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _started(self) -> subprocess.Popen[str]:
        """The process, which has said that it is there: what it imports takes none of a program's time."""
        if self._process is None or not self._left:
            self.close()
            command = [
                sys.executable,
                "-m",
                _PACKAGE,
                *self._serving,
            ]
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=_ROOT,
                start_new_session=True,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
            assert self._process.stdout is not None
            self._process.stdout.readline()
            self._left = PER_PROCESS
        self._left -= 1
        return self._process


def _as_line(job: tuple[int | RandomProgram, int, float]) -> str:
    return base64.b64encode(pickle.dumps(job)).decode() + "\n"


def serve(device: str, target: str | None) -> None:
    """Run the jobs of standard input until it ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what programs print is not an answer
    with compiler(device, target) as compile_:
        print(_READY, file=answers, flush=True)
        for line in sys.stdin:
            program, attempt, seconds = pickle.loads(base64.b64decode(line))
            program = write(program) if isinstance(program, int) else program
            outcome = check(
                program,
                device,
                attempt=attempt,
                seconds=seconds,
                target=target,
                compiler=compile_,
            )
            print(as_json(outcome), file=answers, flush=True)


def run_all(
    numbers: Iterable[int], device: str = "cpu", target: str | None = None
) -> Iterator[Outcome]:
    """The outcome of each program, as it is known; each has to compile for ``target``, too."""
    worker = Worker(device, target)
    try:
        for number in numbers:
            yield worker.run(number)
    finally:
        worker.close()


def refusals(outcomes: Iterable[Outcome]) -> Counter[str]:
    """How many programs were refused, by the class of the error."""
    return Counter(one.detail.partition(":")[0] for one in outcomes if one.kind == "refused")


def as_json(outcome: Outcome) -> str:
    """One line."""
    return json.dumps(attrs.asdict(outcome))
