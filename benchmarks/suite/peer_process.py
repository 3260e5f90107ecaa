"""A process beside this one that finds PyTorch's Helion where ours is found here; asked by lines of JSON."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.suite.situation import RefusedError, WrongResultError

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = "benchmarks.suite.peer"


class PeerFailedError(Exception):
    """The process died or did not answer in time."""


_ANSWERS = {"refused": RefusedError, "wrong": WrongResultError}


def peer_environment(directory: str | Path) -> dict[str, str]:
    """The environment of a process that finds the peer's package in ``directory``, and not ours."""
    kept = [
        entry
        for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep)
        if entry and not (Path(entry) / "helion").is_dir()
    ]
    path = [str(Path(directory).resolve()), str(ROOT), *kept]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path)}


class PeerProcess:
    """One kernel of the peer's. ``directory`` is where its package lies; ours is not found by the process."""

    def __init__(self, directory: str, program: str = PROGRAM) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=peer_environment(directory),
        )

    def ask(self, request: dict[str, Any], *, patience: float) -> dict[str, Any]:
        """The answer, waited for up to ``patience`` seconds.

        Raises:
            RefusedError: the peer does not run this kernel; the message is its own.
            WrongResultError: its result is not torch's.
            PeerFailedError: no answer came.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            stdin.write(json.dumps(request) + "\n")
            stdin.flush()
        except BrokenPipeError as error:
            raise PeerFailedError(f"the process ended: {self._process.wait()}") from error
        ready, _, _ = select.select([stdout], [], [], patience)
        if not ready:
            raise PeerFailedError(f"no answer in {patience:.0f} s")
        line = stdout.readline()
        if not line:
            raise PeerFailedError(f"the process ended: {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        for kind, error_class in _ANSWERS.items():
            if kind in answer:
                raise error_class(answer[kind])
        return answer

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
