"""Measure one case in this process, and write its record after every step: a crash keeps what is known.

python -m benchmarks.suite.worker TASK.json RECORD.json
"""

from __future__ import annotations

import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from benchmarks.suite.case import traffic
from benchmarks.suite.cases import named
from benchmarks.suite.examples import eager_of, expected_of
from benchmarks.suite.machine import describe
from benchmarks.suite.measuring import in_turns, milliseconds
from benchmarks.suite.records import LIMIT, CaseRecord, WayRecord, write_json
from benchmarks.suite.situation import Ready, RefusedError, Situation, WrongResultError
from benchmarks.suite.task import Task
from benchmarks.suite.ways import WAYS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.suite.case import Case
    from benchmarks.suite.records import Status

    Prepare = Callable[[Situation], Ready]
    Timer = Callable[[Callable[[], object]], float]

_LONGEST_REASON = 2000


@attrs.frozen(eq=False)
class Measurement:
    """A case on its way into ``record``; ``save`` is called whenever something has been added."""

    record: CaseRecord
    save: Callable[[CaseRecord], None]
    ways: Mapping[str, Prepare]
    ready: dict[str, Ready] = attrs.field(factory=dict)

    def prepare(self, situation: Situation) -> None:
        """Every way of the task, and the limit, each timed once."""
        self._prepare(LIMIT, self._limit, situation)
        for name in situation.task.ways:
            self._prepare(name, self.ways[name], situation)

    def take_turns(self) -> None:
        """The times that count. Where one fails, as all do after a wrong access, the first times are left."""

        def failed(name: str, error: Exception) -> None:
            self.record.ways[name].notes.append(f"no more turns: {type(error).__name__}: {error}")

        measures = {name: one.measure for name, one in self.ready.items()}
        for name, times in in_turns(measures, failed=failed).items():
            self.record.ways[name].rounds = times
        self.save(self.record)

    def close(self) -> None:
        """End what was started."""
        for one in self.ready.values():
            one.close()

    def _prepare(self, name: str, way: Prepare, situation: Situation) -> None:
        began = time.monotonic()
        record = self.record.ways[name] = WayRecord(reason="it was being prepared")
        self.save(self.record)  # if this is the last that is heard of the process
        try:
            ready = way(situation)
            record.seconds = round(time.monotonic() - began, 3)
            record.error, record.config, record.trials = ready.error, ready.config, ready.trials
            record.search_seconds, record.configs_tried = ready.search_seconds, ready.configs_tried
            record.notes = list(ready.notes)
            self.ready[name] = ready
            record.first_ms = ready.measure()
            record.status, record.reason = "measured", ""
        except RefusedError as refusal:
            self._fail(name, "refused", refusal)
        except WrongResultError as difference:
            self._fail(name, "wrong", difference)
        except Exception as error:  # noqa: BLE001  # the other ways may still be measured
            self._fail(name, "failed", error)
        self.save(self.record)

    def _fail(self, name: str, status: Status, error: Exception) -> None:
        traceback.print_exception(error)
        record = self.record.ways[name]
        known = status == "failed"
        text = f"{type(error).__name__}: {error}" if known else str(error)
        record.status, record.reason = status, text[:_LONGEST_REASON]
        if name in self.ready:
            self.ready.pop(name).close()

    def _limit(self, situation: Situation) -> Ready:
        case, args = situation.case, situation.args
        results = eager_of(case)(*args)
        self.record.bytes = traffic(args, results)
        yardstick = case.limit.make(args, results, self.record.flops)
        self.record.limit_scale = yardstick.scale
        return Ready(lambda: situation.timer(yardstick.run))


def measure(
    case: Case,
    task: Task,
    save: Callable[[CaseRecord], None],
    *,
    ways: Mapping[str, Prepare] = WAYS,
    timer: Timer = milliseconds,
) -> CaseRecord:
    """The record of ``case``; errors of single ways are in it, others are raised."""
    began = time.monotonic()
    flops = None if case.flops is None else case.flops(*(task.sizes or case.sizes))
    record = CaseRecord(case.name, limit=case.limit.kind, flops=flops, machine=describe())
    save(record)
    args = case.make(task.device, task.sizes)
    situation = Situation(case, task, args, expected_of(case)(*args), timer)
    measurement = Measurement(record, save, ways)
    try:
        measurement.prepare(situation)
        measurement.take_turns()
    finally:
        measurement.close()
    record.seconds = round(time.monotonic() - began, 3)
    record.ending = "measured"
    save(record)
    return record


def main(arguments: list[str]) -> None:
    """Measure what the task says."""
    task, output = Task.read(Path(arguments[0])), Path(arguments[1])
    measure(named(task.case), task, lambda record: write_json(output, record))


if __name__ == "__main__":
    main(sys.argv[1:])
