"""Record broad sweeps of the suite's cases on a GPU, for ``helion-autotune replay`` to search again without one.

python -m benchmarks.record_sweep --output FOLDER [--cases matmul-4096 softmax ...] [--random 600] [--around 200]
    [--seconds 1500] [--part 0/2]

Of each case: the seeds of a search and what is around them, random points, and twice what is around the best points
found by then, so that local search has something to find. Every evaluation is compiled, checked and timed as a search
would. A case that is done is ``FOLDER/<case>.jsonl.gz`` and is not measured again; one that was interrupted goes on
where it stopped. Each case runs in a process of its own, which is started anew when it dies. With several GPUs, start
a process for each, with CUDA_VISIBLE_DEVICES and its ``--part``; times need a GPU to themselves.
"""

from __future__ import annotations

import argparse
import gzip
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from helion_autotune.strategies.pattern import two_steps_away
from helion_autotune.strategies.random import random_points

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

    from benchmarks.suite.case import Case
    from helion_autotune import Objective, Point, Space

#: How often the process of one case may end early without having recorded anything new.
FRUITLESS = 2
#: How many of the best points the last parts of a sweep look around.
BEST = 4
#: Seconds that a case needs to start at all.
LEAST = 20.0


@attrs.frozen
class SweepSearch:
    """Looks everywhere: ``random`` points, and up to ``around`` points near the seeds and, twice, near the best."""

    random: int = 600
    around: int = 200
    batch: int = 64

    def search(self, space: Space, objective: Objective, rng: np.random.Generator) -> None:
        """See :class:`helion_autotune.Strategy`."""
        self._look_around(space, objective, rng, list(objective.seeds[:BEST]) or [space.default])
        tried = {trial.point for trial in objective.trials}
        self._evaluate(objective, random_points(space, rng, self.random, tried))
        for _ in range(2):
            worked = sorted((t for t in objective.trials if t.ok), key=lambda trial: trial.value)
            self._look_around(space, objective, rng, [trial.point for trial in worked[:BEST]])

    def _look_around(
        self, space: Space, objective: Objective, rng: np.random.Generator, centres: Sequence[Point]
    ) -> None:
        """Half of the points a step away from ``centres``, as far as there are so many, the rest two."""
        tried = {trial.point for trial in objective.trials}
        near = {p: None for centre in centres for p in space.neighbours(centre) if p not in tried}
        chosen = [list(near)[index] for index in rng.permutation(len(near))[: self.around // 2]]
        tried.update(chosen)
        for centre in centres:
            missing = (self.around - len(chosen)) // len(centres)
            chosen += two_steps_away(space, centre, rng, missing, tried)
            tried.update(chosen)
        self._evaluate(objective, chosen[: self.around])

    def _evaluate(self, objective: Objective, points: Sequence[Point]) -> None:
        for start in range(0, len(points), self.batch):
            objective.evaluate_many(points[start : start + self.batch])


@attrs.frozen(kw_only=True)
class Sweep:
    """What to record: where, how much of each case, and within how many seconds in all."""

    output: Path
    random: int
    around: int
    seconds: float
    case_seconds: float
    clock: Callable[[], float] = time.monotonic
    command: Sequence[str] = (sys.executable, "-m", "benchmarks.record_sweep")

    def record(self, names: Sequence[str]) -> list[str]:
        """Record these cases, one after the other; those that are not done when the time is over."""
        end = self.clock() + self.seconds
        left = []
        for name in names:
            seconds = min(self.case_seconds, end - self.clock())
            if not self.packed(name).exists() and not self._record(name, self.clock() + seconds):
                left.append(name)
        return left

    def packed(self, name: str) -> Path:
        """The compressed records of a case."""
        return self.output / f"{name}.jsonl.gz"

    def folder(self, name: str) -> Path:
        """Where the records of a case grow."""
        return self.output / "unfinished" / name

    def _record(self, name: str, end: float) -> bool:
        """Whether the case was finished, in as many processes as that takes."""
        fruitless = 0
        while (seconds := end - self.clock()) > LEAST:
            before = self._recorded(name)
            status = self._run(name, seconds)
            if status == 0:
                self._pack(name)
                return True
            fruitless = 0 if self._recorded(name) > before else fruitless + 1
            print(f"{name}: its process ended with {status} after {self._recorded(name)} lines")
            if fruitless == FRUITLESS:
                return False
        return False

    def _run(self, name: str, seconds: float) -> int | str:
        arguments = ["--case", name, "--output", str(self.output), "--seconds", f"{seconds:.0f}"]
        arguments += ["--random", str(self.random), "--around", str(self.around)]
        try:
            return subprocess.run(
                [*self.command, *arguments], check=False, timeout=seconds
            ).returncode
        except subprocess.TimeoutExpired:
            return "the end of its time"

    def _recorded(self, name: str) -> int:
        return sum(file.read_bytes().count(b"\n") for file in self.folder(name).glob("*.jsonl"))

    def _pack(self, name: str) -> None:
        """Compress the records; the same bytes for the same records."""
        (file,) = self.folder(name).glob("*.jsonl")
        aside = self.packed(name).with_suffix(f".{os.getpid()}")
        aside.write_bytes(gzip.compress(file.read_bytes(), mtime=0))
        aside.replace(self.packed(name))


def record_case(case: Case, folder: Path, strategy: SweepSearch) -> None:
    """Sweep one case in this process, with nobody else on the GPU."""
    import helion
    from benchmarks.suite.examples import kernel_of

    kernel = helion.kernel(
        kernel_of(case).fn, autotune_cache=str(folder), autotune_progress_bar=False
    )
    kernel.autotune(case.make("cuda"), strategy=strategy, seconds=10**6)


def _part(text: str) -> tuple[int, int]:
    number, of = map(int, text.split("/"))
    if not 0 <= number < of:
        raise argparse.ArgumentTypeError(f"{text}: parts of {of} are 0/{of} to {of - 1}/{of}")
    return number, of


def main(arguments: Sequence[str]) -> int:
    """Record what the command line says; 1 where a case is left."""
    from benchmarks.suite.cases import named, selected

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--cases", nargs="*", default=[], help="beginnings or names; default: all")
    parser.add_argument("--random", type=int, default=600)
    parser.add_argument("--around", type=int, default=200)
    parser.add_argument(
        "--seconds", type=float, default=1500.0, help="for all cases of this process"
    )
    parser.add_argument("--case-seconds", type=float, default=600.0, help="for one case")
    parser.add_argument("--part", type=_part, default=(0, 1), metavar="I/N", help="every Nth case")
    parser.add_argument("--case", help=argparse.SUPPRESS)  # what a process of this one does
    given = parser.parse_args(arguments)
    if given.case is not None:
        strategy = SweepSearch(given.random, given.around)
        record_case(named(given.case), given.output / "unfinished" / given.case, strategy)
        return 0
    sweep = Sweep(
        output=given.output,
        random=given.random,
        around=given.around,
        seconds=given.seconds,
        case_seconds=given.case_seconds,
    )
    number, of = given.part
    names = [case.name for case in selected(given.cases)][number::of]
    left = sweep.record(names)
    print(f"{len(names) - len(left)} of {len(names)} cases recorded", *left, sep="\n  left: ")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
