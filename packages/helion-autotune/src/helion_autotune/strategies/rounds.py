"""Rounds: what guided searches have in common, who propose, evaluate and stop; and lists, whose rounds are known."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from helion_autotune.objective import Objective
    from helion_autotune.point import Point
    from helion_autotune.trial import Trial


def in_rounds(
    objective: Objective,
    propose: Callable[[], Sequence[Point]],
    *,
    rounds: int,
    patience: int,
    gain: float,
) -> None:
    """Evaluate what is proposed, at most ``rounds`` times; end after ``patience`` rounds without ``gain``, or when
    nothing is proposed.
    """
    idle = 0
    for _ in range(rounds):
        before = objective.best
        points = propose()
        if not points:
            return
        objective.evaluate_many(points)
        idle = 0 if improved(before, objective.best, gain) else idle + 1
        if idle >= patience:
            return


def in_batches(objective: Objective, points: Iterable[Point], batch: int) -> None:
    """Evaluate points in order, ``batch`` at a time; the next ones compile meanwhile."""
    coming = iter(points)
    current = list(islice(coming, batch))
    while current:
        following = list(islice(coming, batch))
        objective.prepare([*current, *following])
        objective.evaluate_many(current)
        current = following


def improved(before: Trial | None, after: Trial | None, gain: float) -> bool:
    """Whether the incumbent's time fell below ``gain`` times what it was."""
    if after is None:
        return False
    return before is None or after.value < gain * before.value
