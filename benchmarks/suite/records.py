"""What is written down: one record for each case, with one for each way of running it, as JSON."""

from __future__ import annotations

import json
import statistics
from typing import TYPE_CHECKING, Any, Literal

import attrs

if TYPE_CHECKING:
    from pathlib import Path

LIMIT = "limit"
"""The way that the others are compared with."""
Status = Literal["measured", "refused", "wrong", "failed"]
"""Of a way: refused by the peer or by an option, a wrong result, or an error."""
Ending = Literal["measured", "failed", "timed out", "not run"]
"""Of a case. One that failed or timed out has the ways that were measured before."""


@attrs.define
class WayRecord:
    """One way of running a case.

    ``first_ms`` is a time taken at once, ``rounds`` those taken in turns with the other ways. ``error`` is the relative
    error of the result, ``seconds`` how long it took to get ready. Of a search, ``search_seconds`` is how long it took,
    ``configs_tried`` how many configs it tried, and ``trials`` how many with which outcome, as far as that is known.
    """

    status: Status = "failed"
    reason: str = ""
    first_ms: float | None = None
    rounds: list[float] = attrs.field(factory=list)
    error: float | None = None
    seconds: float | None = None
    config: dict[str, Any] | None = None
    search_seconds: float | None = None
    configs_tried: int | None = None
    trials: dict[str, int] | None = None
    notes: list[str] = attrs.field(factory=list)

    @property
    def ms(self) -> float | None:
        """The median of the rounds, or the first time where none was taken."""
        return statistics.median(self.rounds) if self.rounds else self.first_ms


@attrs.define
class CaseRecord:
    """One case. ``limit_scale`` times the time of the way ``limit`` is the limit's.

    In a record of several runs, ``limits`` has the limit's milliseconds in the run of each way: a GPU is not as fast in
    every run, and what is compared was measured in turns.
    """

    name: str
    ending: Ending = "failed"
    reason: str = ""
    seconds: float = 0.0
    limit: str = ""
    limit_scale: float = 1.0
    flops: float | None = None
    bytes: int = 0
    ways: dict[str, WayRecord] = attrs.field(factory=dict)
    machine: dict[str, Any] | None = None
    limits: dict[str, float | None] = attrs.field(factory=dict)

    def ms(self, way: str) -> float | None:
        """The milliseconds of a way that gave the right result."""
        record = self.ways.get(way)
        if record is None or record.status != "measured" or record.ms is None:
            return None
        return record.ms * self.limit_scale if way == LIMIT else record.ms

    def limit_beside(self, way: str) -> float | None:
        """The limit's milliseconds in the run that a way was measured in."""
        return self.limits[way] if way in self.limits else self.ms(LIMIT)

    def of_limit(self, way: str) -> float | None:
        """The limit's time over that of a way, both of the same run."""
        limit, ms = self.limit_beside(way), self.ms(way)
        return None if limit is None or ms is None else limit / ms


@attrs.define
class Results:
    """A run."""

    machine: dict[str, Any] = attrs.field(factory=dict)
    options: dict[str, Any] = attrs.field(factory=dict)
    cases: list[CaseRecord] = attrs.field(factory=list)


def write_json(path: Path, record: CaseRecord | Results) -> None:
    """All or nothing: whoever is killed while writing leaves what was there."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(json.dumps(attrs.asdict(record), indent=1))
    beside.replace(path)


def read_case(path: Path) -> CaseRecord | None:
    """The record of a case, or None where none was written."""
    return _case(json.loads(path.read_text())) if path.exists() else None


def read_results(path: Path) -> Results:
    """A run."""
    content = json.loads(path.read_text())
    return Results(content["machine"], content["options"], [_case(one) for one in content["cases"]])


def _case(content: dict[str, Any]) -> CaseRecord:
    ways = {name: WayRecord(**way) for name, way in content["ways"].items()}
    return CaseRecord(**{**content, "ways": ways})
