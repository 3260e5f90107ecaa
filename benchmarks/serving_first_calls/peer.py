"""PyTorch's Helion on the kernels of a build file, in processes that find it where ours is found here."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from typing import IO, TYPE_CHECKING, Any

import attrs

from benchmarks.serving_first_calls.figures import Times
from benchmarks.suite.peer_process import ROOT, PeerFailedError, peer_environment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PROGRAM = "benchmarks.serving_first_calls.peer_program"
PATIENCE = 300.0
"""Seconds that a process may take until it is ready, and for whatever it is asked."""


@attrs.frozen
class PeerKernels:
    """What the peer runs of the kernels it was given: ``configs`` and ``refused`` by op."""

    runs: tuple[dict[str, Any], ...]
    numbers: tuple[int, ...]
    configs: dict[str, Any]
    refused: dict[str, str]


@attrs.frozen
class PeerKit:
    """Where the peer lies, on which device it runs, and where it keeps what it compiles."""

    directory: Path
    device: str
    folder: Path

    def find(self, kernels: Sequence[dict[str, Any]], patience: float = PATIENCE) -> PeerKernels:
        """Which kernels it runs, and at which configs.

        A process that ends early, or has no answer for a kernel within ``patience`` seconds, is followed by another,
        which begins with the kernel that the first was at; that kernel is refused if the second does not get past it,
        either.
        """
        answers: list[dict[str, Any]] = []
        while len(answers) < len(kernels):
            answers += self._answers(kernels[len(answers) :], patience)
        pairs = list(enumerate(zip(kernels, answers, strict=True)))
        run = {number: {**one, **answer} for number, (one, answer) in pairs if "config" in answer}
        return PeerKernels(
            tuple(run.values()),
            tuple(run),
            {one["op"]: one["config"] for one in run.values()},
            {one["op"]: answer["refused"] for _, (one, answer) in pairs if "refused" in answer},
        )

    def time(self, kernels: PeerKernels, count: int) -> Times:
        """The times of a fresh process, which finds in the caches what earlier ones left.

        ``count`` is the number of all kernels, those that are refused among them.

        Raises:
            PeerFailedError: it did not finish, with what it printed.
        """
        done = self._run("time", kernels.runs)
        if done.returncode != 0:
            raise PeerFailedError(f"the process ended: {done.returncode}\n{done.stderr[-2000:]}")
        printed = json.loads(done.stdout.splitlines()[-1])
        by_number = dict(zip(kernels.numbers, printed["calls"], strict=True))
        calls = tuple(by_number.get(number) for number in range(count))
        return Times(printed["load"], printed["warm"], calls)

    def _answers(self, kernels: Sequence[dict[str, Any]], patience: float) -> list[dict[str, Any]]:
        """The answers of one process, at least one."""
        errors = self._caches("find") / "errors.txt"
        lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        answers: list[dict[str, Any]] = []
        with (
            errors.open("w") as stderr,
            subprocess.Popen(
                **self._process("find", kernels), stdout=subprocess.PIPE, stderr=stderr
            ) as process,
        ):
            reader = threading.Thread(target=_put_lines, args=(process.stdout, lines))
            reader.start()
            try:
                ready = lines.get(timeout=PATIENCE)
                while ready and (line := lines.get(timeout=patience)):
                    answers.append(json.loads(line))
                ending = f"its process ended: {process.wait()}: "
                ending += errors.read_text(errors="replace").strip()[-500:]
            except queue.Empty:
                ending = f"no result in {patience:.0f} s"
            finally:
                process.kill()
                reader.join()
        return answers or [{"refused": ending}]

    def _run(
        self, mode: str, kernels: Sequence[dict[str, Any]]
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            **self._process(mode, kernels), capture_output=True, check=False, timeout=PATIENCE
        )

    def _process(self, mode: str, kernels: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """How a process of the program is begun."""
        caches = self._caches(mode)
        path = caches / "kernels.json"
        path.write_text(json.dumps(kernels), encoding="utf-8")
        environment = {
            **peer_environment(self.directory),
            "TRITON_CACHE_DIR": str(caches / "triton"),
            "TORCHINDUCTOR_CACHE_DIR": str(caches / "inductor"),
            "PYTHONPYCACHEPREFIX": str(self.folder / "bytecode"),
        }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        command = [sys.executable, "-m", PROGRAM, mode, str(path), self.device]
        return {"args": command, "cwd": ROOT, "env": environment, "text": True}

    def _caches(self, mode: str) -> Path:
        """Where a mode keeps what it compiles: finding leaves nothing that timing would find."""
        caches = self.folder / f"peer_{mode}"
        caches.mkdir(exist_ok=True)
        return caches


def _put_lines(stream: IO[str], lines: queue.SimpleQueue[str]) -> None:
    """Whole lines as they come, and an empty one when there are no more."""
    for line in stream:
        if line.endswith("\n"):
            lines.put(line)
    lines.put("")
