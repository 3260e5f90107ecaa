"""Attention by hand beside cuDNN's: in Gluon with a pipeline between warp groups, and with Triton's own.

python -m benchmarks.handwritten.attention --output DIR [--only WORD] [--seconds 40] [--total 540] [--ahead 3]

Needs a Hopper GPU. Each variant runs in a process of its own, which has ``--seconds`` on the GPU; others compile
meanwhile. Results on small and large sizes are compared before a variant is timed, in turns with cuDNN's.
``DIR/attention.json`` keeps what ``DIR/attention.md`` and the output show as a table.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import subprocess
import sys
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.handwritten.variants import VARIANTS

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
COMPILING_SECONDS = 120.0


class TrialFailedError(Exception):
    """The process of a variant died, or took too long."""


class Trial:
    """The process of one variant, which runs ``command``; what it says of errors goes to ``log``."""

    def __init__(self, name: str, command: list[str], log: Path) -> None:
        self.name, self._log = name, log
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, cwd=ROOT,
            )  # fmt: skip
        assert self._process.stdout is not None
        self._output = self._process.stdout.fileno()
        self._read = b""

    def answer(self, seconds: float) -> dict[str, Any]:
        """The next line.

        Raises:
            TrialFailedError: none came in time, or ever will.
        """
        end = time.monotonic() + seconds
        while b"\n" not in self._read:
            if not select.select([self._output], [], [], max(0.0, end - time.monotonic()))[0]:
                raise TrialFailedError(f"no answer in {seconds:.0f} s")
            piece = os.read(self._output, 65536)
            if not piece:
                raise TrialFailedError(self._reason())
            self._read += piece
        line, _, self._read = self._read.partition(b"\n")
        found: dict[str, Any] = json.loads(line)
        return found

    def go(self) -> None:
        """Let it use the GPU."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"go\n")
        self._process.stdin.flush()

    def end(self) -> None:
        """Kill it and wait for that."""
        self._process.kill()
        self._process.wait()

    def _reason(self) -> str:
        """The last line that names an error, or how it ended."""
        lines = self._log.read_text(errors="replace").splitlines()
        named = [line for line in lines if "Error" in line or "error:" in line]
        return (named or [f"ended with {self._process.wait()}"])[-1].strip()


def rows_of(trial: Trial, seconds: float) -> list[dict[str, Any]]:
    """A row for each size of a variant; the last says why, where it failed."""
    rows: list[dict[str, Any]] = []
    try:
        trial.answer(COMPILING_SECONDS)
        trial.go()
        end = time.monotonic() + seconds
        while not (row := trial.answer(end - time.monotonic())).get("done"):
            rows.append({"variant": trial.name, **row})
    except TrialFailedError as error:
        rows.append({"variant": trial.name, "failure": str(error)})
    finally:
        trial.end()
    return rows


def line_of(row: dict[str, Any]) -> str:
    """A row of the table."""
    shape = "x".join(map(str, row["shape"])) if "shape" in row else ""
    kind = {True: "causal", False: "plain"}.get(row.get("causal"), "")  # type: ignore[arg-type]
    if "failure" in row:
        return f"| {row['variant']} | {shape} | {kind} | {row['failure'][:160]} | | | |"
    ratio = row["cudnn"] / row["milliseconds"]
    return (
        f"| {row['variant']} | {shape} | {kind} | {row['milliseconds']:.4f} | {row['teraflops']:.0f} "
        f"| {ratio:.3f} | {row['error']:.4f} |"
    )


HEAD = "| variant | shape | | ms | TFLOP/s | of cuDNN | error |\n| --- | --- | --- | ---: | ---: | ---: | ---: |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--only", default="", help="variants whose names hold this word")
    parser.add_argument("--seconds", type=float, default=40.0, help="on the GPU, for one variant")
    parser.add_argument(
        "--total", type=float, default=540.0, help="seconds after which no variant begins"
    )
    parser.add_argument("--ahead", type=int, default=3, help="variants that compile meanwhile")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    names = [name for name in VARIANTS if options.only in name]
    rows: list[dict[str, Any]] = []
    print(HEAD, flush=True)
    for row in tried(names, options):
        rows.append(row)
        print(line_of(row), flush=True)
        keep(rows, options.output)


def tried(names: list[str], options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Rows of variants, one after another on the GPU; the next ones compile meanwhile."""
    end = time.monotonic() + options.total
    waiting = deque(names)
    started: deque[Trial] = deque()
    try:
        while waiting or started:
            if time.monotonic() > end:
                left = [*(trial.name for trial in started), *waiting]
                yield from ({"variant": name, "failure": "its turn did not come"} for name in left)
                return
            while waiting and len(started) <= options.ahead:
                name = waiting.popleft()
                command = [sys.executable, "-m", "benchmarks.handwritten.trial", name]
                log = options.output / f"{name.replace(' ', '_')}.log"
                started.append(Trial(name, command, log))
            yield from rows_of(started.popleft(), options.seconds)
    finally:
        for trial in started:
            trial.end()


def keep(rows: list[dict[str, Any]], folder: Path) -> None:
    """Write them as data and as a table."""
    texts = {
        "attention.json": json.dumps(rows, indent=1) + "\n",
        "attention.md": "\n".join([HEAD, *map(line_of, rows)]) + "\n",
    }
    for name, text in texts.items():
        beside = folder / f"{name}.new"
        beside.write_text(text)
        beside.replace(folder / name)


if __name__ == "__main__":
    main()
