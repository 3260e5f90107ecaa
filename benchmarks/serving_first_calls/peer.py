"""PyTorch's Helion on the kernels of a build file, in processes that find it where ours is found here."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import attrs

from benchmarks.serving_first_calls.figures import Times
from benchmarks.suite.peer_process import ROOT, PeerFailedError, peer_environment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PROGRAM = "benchmarks.serving_first_calls.peer_program"
PATIENCE = 300.0
"""Seconds that a process may take."""


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

        A process that ends early is followed by another, which begins with the kernel that the first was at; that
        kernel is refused if the second does not get past it, either.
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
        done = self._run("time", kernels.runs, PATIENCE)
        if done.returncode != 0:
            raise PeerFailedError(f"the process ended: {done.returncode}\n{done.stderr[-2000:]}")
        printed = json.loads(done.stdout.splitlines()[-1])
        by_number = dict(zip(kernels.numbers, printed["calls"], strict=True))
        calls = tuple(by_number.get(number) for number in range(count))
        return Times(printed["load"], printed["warm"], calls)

    def _answers(self, kernels: Sequence[dict[str, Any]], patience: float) -> list[dict[str, Any]]:
        """The answers of one process, at least one."""
        try:
            done = self._run("find", kernels, patience)
            printed = done.stdout
            ending = f"its process ended: {done.returncode}: {done.stderr.strip()[-500:]}"
        except subprocess.TimeoutExpired as error:
            # In bytes, whatever was asked for: https://github.com/python/cpython/issues/87597
            printed = error.stdout.decode() if isinstance(error.stdout, bytes) else ""
            ending = f"no result in {patience:.0f} s"
        answers = [
            json.loads(line) for line in printed.splitlines(keepends=True) if line.endswith("\n")
        ]
        return answers or [{"refused": ending}]

    def _run(
        self, mode: str, kernels: Sequence[dict[str, Any]], patience: float
    ) -> subprocess.CompletedProcess[str]:
        caches = self.folder / f"peer_{mode}"  # finding leaves nothing that timing would find
        caches.mkdir(exist_ok=True)
        path = caches / "kernels.json"
        path.write_text(json.dumps(kernels), encoding="utf-8")
        environment = {
            **peer_environment(self.directory),
            "TRITON_CACHE_DIR": str(caches / "triton"),
            "TORCHINDUCTOR_CACHE_DIR": str(caches / "inductor"),
            "PYTHONPYCACHEPREFIX": str(self.folder / "bytecode"),
        }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        return subprocess.run(
            [sys.executable, "-m", PROGRAM, mode, str(path), self.device],
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            env=environment,
            timeout=patience,
        )
