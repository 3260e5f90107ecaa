"""Run a program under Nsight Compute, and print its report as :mod:`benchmarks.counters.raw_page` reads it.

Only launches between ``cudaProfilerStart`` and ``cudaProfilerStop`` are counted. Clocks are left alone.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from benchmarks.suite.driver import run_for

if TYPE_CHECKING:
    from collections.abc import Sequence

OPTIONS = (
    *("--clock-control", "none"),
    *("--profile-from-start", "off"),
    *("--target-processes", "application-only"),
    "--force-overwrite",
)
_UNKNOWN = re.compile(r"failed to find metric\s+(?:regex:\^)?(\S+)", re.IGNORECASE)
_LAST_LINES = 12

EXPLANATIONS = {
    "ERR_NVGPUCTRPERM": "this user may not read the GPU's counters: run as root, or have the driver's module "
    "loaded with NVreg_RestrictProfilingToAdminUsers=0",
    "LibraryNotLoaded": "Nsight Compute cannot start its profiler on this machine, as where the kernel is emulated "
    "(gVisor): use another machine",
    "driver is not compatible": "this Nsight Compute is too old for the driver, or another tool holds the counters",
    "No kernels were profiled": "nothing was launched while the counters were on",
}
"""What messages of ``ncu`` mean, and what to do."""


class NsightError(Exception):
    """There is no ``ncu``, or it gave no counters."""


def find_ncu(given: str | None) -> str:
    """The command.

    Raises:
        NsightError: it is not there.
    """
    found = shutil.which(given or "ncu")
    if found is None:
        raise NsightError(
            f"{given or 'ncu'} is not on the PATH: install Nsight Compute, or name its ncu with --ncu"
        )
    return str(Path(found).absolute())  # programs run elsewhere


@attrs.define
class Nsight:
    """``command`` is ``ncu``; a program is given up after ``seconds``.

    ``unknown`` are those of ``metrics`` that this ``ncu`` has turned out not to have for this GPU.
    """

    command: str
    metrics: tuple[str, ...]
    seconds: float
    unknown: list[str] = attrs.field(factory=list)

    def raw_page(self, program: Sequence[str], stem: Path) -> str:
        """What ``program`` launched. The report, its page and what was printed stay beside ``stem``.

        A metric that ``ncu`` does not know ends its run, so it is left out from then on and the program run again.

        Raises:
            NsightError: there are no counters; the message has the reason, and what ``ncu`` printed.
        """
        report, log = stem.with_name(f"{stem.name}.ncu-rep"), stem.with_name(f"{stem.name}.log")
        while True:
            report.unlink(missing_ok=True)
            asked = [metric for metric in self.metrics if metric not in self.unknown]
            told = ["--metrics", ",".join(asked), "--export", str(report)]
            with log.open("wb") as file:
                command = [self.command, *OPTIONS, *told, *program]
                status = run_for(command, file.fileno(), self.seconds)
            printed = log.read_text(errors="replace")
            unknown = unknown_metrics(printed, asked)
            if not unknown:
                break
            self.unknown += unknown
        if status != 0 or not report.exists():
            raise NsightError(why(status, printed, log))
        return self._raw(report, stem.with_name(f"{stem.name}.csv"))

    def _raw(self, report: Path, path: Path) -> str:
        options = ["--import", str(report), "--page", "raw", "--csv", "--print-units", "base"]
        found = subprocess.run(
            [self.command, *options], capture_output=True, text=True, check=False
        )
        path.write_text(found.stdout)
        if found.returncode:
            raise NsightError(why(found.returncode, found.stdout + found.stderr, path))
        return found.stdout


def unknown_metrics(printed: str, asked: Sequence[str]) -> list[str]:
    """Those of ``asked`` that ``ncu`` complains of: by their whole name, else by what is before its suffixes."""
    found: list[str] = []
    for match in _UNKNOWN.finditer(printed):
        name = match[1].replace("\\", "").rstrip(".,;:'\"")
        exact = [metric for metric in asked if metric == name]
        base = re.split(r"[^\w]", name, maxsplit=1)[0]
        found += exact or [metric for metric in asked if metric.partition(".")[0] == base]
    return list(dict.fromkeys(found))


def why(status: int | None, printed: str, log: Path) -> str:
    """What went wrong, in our words where we know them, and in those of ``ncu`` and the program."""
    known = [text for sign, text in EXPLANATIONS.items() if sign in printed]
    lines = [line for line in printed.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("==ERROR==")]
    others = [line for line in lines if not line.startswith("==")]
    ended = "it took too long" if status is None else f"ncu ended with {status}"
    return "\n".join([*known, f"{ended}; all of it is in {log}", *errors, *others[-_LAST_LINES:]])
