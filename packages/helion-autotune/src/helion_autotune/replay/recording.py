"""A recording: all that was recorded of one space under one key, ready to be searched again.

In: records. Out: a :class:`RecordedSpace`, the trial of each of its points, and the seeds that the session began with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from helion_autotune.parameters.described import described_parameter
from helion_autotune.record_files import record_files
from helion_autotune.records import Records, RecordsError
from helion_autotune.replay.recorded_space import RecordedSpace

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping

    from helion_autotune.point import Point
    from helion_autotune.trial import Trial


@attrs.frozen(eq=False)
class Recording:
    """``name`` tells it from others in tables; ``seeds`` are those of the session that are recorded."""

    name: str
    key: str
    space: RecordedSpace
    trials: Mapping[Point, Trial]
    seeds: tuple[Point, ...] = ()

    def trial(self, point: Point) -> Trial:
        """What was recorded of a point of the space."""
        return self.trials[point]

    @property
    def best_ms(self) -> float:
        """The shortest time recorded, in milliseconds."""
        return min(trial.milliseconds for trial in self.trials.values() if trial.ok)

    @property
    def worst_ms(self) -> float:
        """The longest time recorded, in milliseconds."""
        return max(trial.milliseconds for trial in self.trials.values() if trial.ok)


def recordings(paths: Iterable[str | os.PathLike[str]]) -> list[Recording]:
    """Every recording in these files, and directories of them, that has a description and a success.

    Raises RecordsError for files that are none, or when nothing in them can be replayed.
    """
    paths = record_files(paths)
    found = [recording for path in paths for recording in _of_file(Records(path))]
    if not found:
        raise RecordsError(
            f"nothing in {', '.join(map(str, paths))} can be replayed: a session with a description of its space "
            "and at least one success is needed. Sessions of older versions described nothing"
        )
    return found


def _of_file(records: Records) -> list[Recording]:
    descriptions = records.descriptions()
    sessions = {(line.fingerprint, line.key): line for line in records.sessions()}
    found = []
    for number, ((fingerprint, key), session) in enumerate(sessions.items()):
        trials = records.trials(fingerprint, key)
        if not any(trial.ok for trial in trials.values()):
            continue
        described = descriptions[fingerprint]["parameters"]
        parameters = {name: described_parameter(description) for name, description in described}
        space = RecordedSpace.of(parameters, trials, session.default)
        stem = records.path.name.split(".")[0]
        name = stem if len(sessions) == 1 else f"{stem}#{number + 1}"
        seeds = tuple(seed for seed in session.seeds if seed in trials)
        found.append(Recording(name, key, space, trials, seeds))
    return found
