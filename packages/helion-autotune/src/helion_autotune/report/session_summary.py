"""What a page says of one space and key: its trials in order, with when they ended, and the points worth comparing.

In: records. Out: plain data. Times of trials are seconds since their session began; of several sessions (a search that
was interrupted and resumed), the pauses between them are left out.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import attrs

from helion_autotune.parameters.described import described_parameter
from helion_autotune.record_files import record_files
from helion_autotune.records import Records, RecordsError

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping

    from helion_autotune.parameters import Parameter
    from helion_autotune.point import Point
    from helion_autotune.records import TrialLine
    from helion_autotune.trial import Trial


@attrs.frozen
class TimedTrial:
    """A trial, and how many seconds of searching had gone by when it ended."""

    trial: Trial
    seconds: float


@attrs.frozen(eq=False)
class SessionSummary:
    """``parameters`` is empty where the records do not describe the space; ``chosen`` is None while nothing was."""

    name: str
    key: str
    parameters: Mapping[str, Parameter]
    trials: tuple[TimedTrial, ...]
    seeds: tuple[Point, ...]
    default: Point | None
    chosen: Point | None

    @property
    def worked(self) -> list[TimedTrial]:
        """The successes, in order."""
        return [one for one in self.trials if one.trial.ok]

    @property
    def best(self) -> Trial | None:
        """The fastest trial: the chosen one where it was recorded, as others were perhaps only lucky."""
        ranked = sorted((one.trial for one in self.worked), key=lambda trial: trial.milliseconds)
        chosen = [trial for trial in ranked if trial.point == self.chosen]
        return next(iter([*chosen, *ranked]), None)

    @property
    def usual(self) -> Trial | None:
        """What ran without tuning: the first seed that was tried, else the default point, if it was."""
        by_point = {one.trial.point: one.trial for one in self.trials}
        wanted = [*self.seeds[:1], *([] if self.default is None else [self.default])]
        return next((by_point[point] for point in wanted if point in by_point), None)


def summaries(paths: Iterable[str | os.PathLike[str]]) -> list[SessionSummary]:
    """One for each space and key that has trials, in these files and directories of them; raises RecordsError when
    there is none."""
    paths = record_files(paths)
    found = [one for path in paths for one in _of_file(Records(path))]
    if not found:
        raise RecordsError(f"there are no trials in {', '.join(map(str, paths))}")
    return found


def _of_file(records: Records) -> list[SessionSummary]:
    by_key: dict[tuple[str, str], list[TrialLine]] = {}
    for line in records.trial_lines():
        by_key.setdefault((line.fingerprint, line.key), []).append(line)
    descriptions = records.descriptions()
    sessions: dict[tuple[str, str], list[Any]] = {}
    for session in records.sessions():
        sessions.setdefault((session.fingerprint, session.key), []).append(session)
    stem = records.path.name.split(".")[0]
    found = []
    for number, ((fingerprint, key), lines) in enumerate(by_key.items(), start=1):
        own = sessions.get((fingerprint, key), [])
        described = descriptions.get(fingerprint, {}).get("parameters", [])
        result = records.result(fingerprint, key)
        found.append(
            SessionSummary(
                name=stem if len(by_key) == 1 else f"{stem} #{number}",
                key=key,
                parameters={name: described_parameter(one) for name, one in described},
                trials=_timed(lines, [_moment(session.time) for session in own]),
                seeds=own[-1].seeds if own else (),
                default=own[-1].default if own else None,
                chosen=None if result is None else result.point,
            )
        )
    return found


def _timed(lines: list[TrialLine], starts: list[float]) -> tuple[TimedTrial, ...]:
    """Each point's last trial, in order, at the seconds that all sessions up to it had taken."""
    timed: dict[Point, TimedTrial] = {}
    elapsed, before, pending = 0.0, _moment(lines[0].time), sorted(starts)
    for line in lines:
        now = _moment(line.time)
        while (
            pending and pending[0] <= now
        ):  # a session began in between: nothing was searched before it
            before = max(before, pending.pop(0)) if timed else pending.pop(0)
        elapsed += max(now - before, 0.0)
        before = now
        timed[line.trial.point] = TimedTrial(line.trial, elapsed)
    return tuple(timed.values())


def _moment(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()
