"""What the records of one search say of it."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any

import attrs

from helion_autotune import Records
from helion_autotune.trial import Status

if TYPE_CHECKING:
    from pathlib import Path


@attrs.frozen
class SearchRecord:
    """When each trial ended, in seconds of the clock and in order; how many ended how; the winner's milliseconds.

    ``failures`` counts the first lines of what went wrong; ``wrong`` are the points whose results were.
    """

    times: tuple[float, ...]
    statuses: dict[str, int]
    best_ms: float
    failures: dict[str, int]
    wrong: tuple[dict[str, Any], ...]

    @classmethod
    def of(cls, cache: Path) -> SearchRecord:
        """That of the only search of the only kernel whose records lie in ``cache``."""
        (file,) = cache.glob("*.jsonl")
        records = Records(file)
        trials = list(records.trial_lines())
        result = next(records.results())  # another one says, without a time, that it was chosen
        return cls(
            tuple(sorted(datetime.fromisoformat(line.time).timestamp() for line in trials)),
            dict(Counter(str(line.trial.status) for line in trials)),
            result.result.milliseconds,
            dict(Counter(line.trial.error.splitlines()[0] for line in trials if line.trial.error)),
            tuple(
                dict(line.trial.point)
                for line in trials
                if line.trial.status is Status.WRONG_RESULT
            ),
        )

    @property
    def evaluations(self) -> int:
        """How many trials there were."""
        return len(self.times)
