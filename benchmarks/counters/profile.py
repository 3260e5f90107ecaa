"""A case's counters with what they are read with: one column of its table, and one file of JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from benchmarks.counters import machine_code
from benchmarks.counters.metrics import DURATION
from benchmarks.counters.nsight import NsightError
from benchmarks.counters.raw_page import Launch, read_raw_page
from benchmarks.counters.subject import Facts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.counters.nsight import Nsight
    from benchmarks.suite.task import Task

SUBJECT = (sys.executable, "-m", "benchmarks.counters.subject")


@attrs.frozen
class Profile:
    """What was counted.

    Attributes:
        facts: of the call.
        launch: the kernel's.
        others: what else the call launched, as names and nanoseconds.
        unavailable: metrics that were asked for in vain.
        instructions: of the machine code, by class; empty for a limit.
    """

    facts: Facts
    launch: Launch
    others: tuple[tuple[str, float], ...] = ()
    unavailable: tuple[str, ...] = ()
    instructions: dict[str, int] = attrs.field(factory=dict)

    def value(self, metric: str) -> float | None:
        """A number, if it was counted."""
        return self.launch.values.get(metric)

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        return attrs.asdict(self)


def profile(nsight: Nsight, task: Task, *, program: Sequence[str] = SUBJECT) -> Profile:
    """Run the task's one way, and count. Everything that is made on the way stays in the task's folder.

    Raises:
        NsightError: there are no counters, or not of this kernel.
        RawPageError: Nsight Compute printed something else than was expected.
        MachineCodeError: the kernel's machine code cannot be read.
    """
    task.folder.mkdir(parents=True, exist_ok=True)
    stem = task.folder / f"{task.case}.{task.ways[0]}"
    told, known = (stem.with_name(f"{stem.name}.{end}") for end in ("task.json", "facts.json"))
    known.unlink(missing_ok=True)
    task.write(told)
    text = nsight.raw_page([*program, str(told.resolve()), str(known.resolve())], stem.resolve())
    facts = Facts(**json.loads(known.read_text()))
    launches = read_raw_page(text)
    launch = the_kernel(launches, facts.symbol)
    sass = _machine_code(stem.with_name(f"{stem.name}.sass"), facts)
    return Profile(
        facts=facts,
        launch=launch,
        others=tuple(
            (one.symbol, one.values.get(DURATION, 0.0)) for one in launches if one is not launch
        ),
        unavailable=tuple(metric for metric in nsight.metrics if metric not in launch.values),
        instructions=machine_code.count(sass) if sass else {},
    )


def the_kernel(launches: Sequence[Launch], symbol: str | None) -> Launch:
    """The launch that is meant: of this name, and of several the longest.

    Raises:
        NsightError: there is none, or it has no duration.
    """
    meant = [one for one in launches if symbol is None or one.symbol == symbol]
    if not meant:
        names = ", ".join(one.symbol for one in launches) or "nothing"
        raise NsightError(f"the kernel {symbol or 'of the limit'} was not launched, but {names}")
    longest = max(meant, key=lambda one: one.values.get(DURATION, 0.0))
    if DURATION not in longest.values:
        raise NsightError(f"{longest.symbol} has no {DURATION}: its counters were not read")
    return longest


def _machine_code(path: Path, facts: Facts) -> str:
    if facts.cubin is None:
        return ""
    text = machine_code.disassemble(Path(facts.cubin))
    path.write_text(text)
    return text
