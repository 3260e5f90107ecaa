"""Run many programs in a process beside this one, which a wrong access may kill and a wrong loop may hang."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from .check import SECONDS, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PER_PROCESS = 150
"""Programs that one process runs before another takes over, so that its memory stays bounded."""
_ROOT = Path(__file__).parents[2]


class Worker:
    """A process that reads numbers of programs and answers with outcomes."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._process: subprocess.Popen[str] | None = None
        self._left = 0

    def run(self, number: int) -> Outcome:
        """One program."""
        process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{number}\n")
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], SECONDS * 10)
        line = process.stdout.readline() if ready else ""
        if line:
            return Outcome(**json.loads(line))
        kind = "crash" if ready else "timeout"
        self.close()
        return Outcome(number, kind, f"the process ended: {process.returncode}")  # type: ignore[arg-type]  # one of Kind

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None or not self._left:
            self.close()
            command = [
                sys.executable,
                "-m",
                "integration_tests.random_programs",
                "--serve",
                self._device,
            ]
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=_ROOT,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
            self._left = PER_PROCESS
        self._left -= 1
        return self._process


def run_all(numbers: Iterable[int], device: str = "cpu") -> Iterator[Outcome]:
    """The outcome of each program, as it is known."""
    worker = Worker(device)
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
