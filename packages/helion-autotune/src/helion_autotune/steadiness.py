"""How far the times of a session can be trusted: their noise, and whether the GPU slowed down meanwhile.

In: the trials of a session, and its finalists, which were measured again in turns. Out: a number and sentences.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion_autotune.finalists import Finalist
    from helion_autotune.trial import Trial

#: A clock lower than the highest one by this share is throttled.
CLOCK_DROP = 0.03
#: Where the clock is not known: finalists that became slower by this share, and by
SLOWDOWN = 0.03
#: this many times the noise.
SLOWDOWN_NOISE = 3.0


def noise_floor(finalists: Sequence[Finalist]) -> float | None:
    """Half the range of a finalist's times, relative to their median: the median of all finalists'.

    Times that differ by less are not told apart. None where nothing was measured more than once.
    """
    shares = [
        (max(finalist.times) - min(finalist.times)) / 2 / statistics.median(finalist.times)
        for finalist in finalists
        if len(finalist.times) > 1 and statistics.median(finalist.times) > 0
    ]
    return statistics.median(shares) if shares else None


def slowdown(trials: Sequence[Trial], finalists: Sequence[Finalist]) -> str | None:
    """A sentence where the GPU did not keep its clock, or finalists take longer than when they were searched."""
    clocks = [
        trial.measurement.clock_mhz
        for trial in trials
        if trial.measurement is not None and trial.measurement.clock_mhz is not None
    ]
    if len(clocks) > 1:
        slow = [clock for clock in clocks if clock < max(clocks) * (1 - CLOCK_DROP)]
        if not slow:
            return None
        return (
            f"the GPU did not keep its clock: {len(slow)} of {len(clocks)} candidates were measured at "
            f"{min(slow)} to {max(slow)} MHz, the others at up to {max(clocks)} MHz"
        )
    ratios = [
        statistics.median(finalist.times) / finalist.searched.milliseconds
        for finalist in finalists
        if finalist.times and finalist.searched.milliseconds > 0
    ]
    noise = noise_floor(finalists)
    if noise is None or not ratios:
        return None
    slower = statistics.median(ratios) - 1
    if slower <= max(SLOWDOWN, SLOWDOWN_NOISE * noise):
        return None
    return (
        f"the best candidates take {slower:.0%} longer than when they were searched: "
        "the GPU was throttled, or somebody else used it"
    )


def wrong_results(trials: Sequence[Trial]) -> str | None:
    """A sentence where candidates computed something wrong, with an example."""
    wrong = [trial for trial in trials if trial.status == "wrong_result"]
    if not wrong:
        return None
    example = wrong[0]
    return (
        f"{len(wrong)} candidate{'s' if len(wrong) > 1 else ''} computed something wrong, "
        f"for example {example.point}: {(example.error or '').splitlines()[0]}"
    )
