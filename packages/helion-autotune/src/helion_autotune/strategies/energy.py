"""What solvers that want a finite number everywhere are told of a trial.

The energy is the logarithm of the time in units of ``SCALE``: ratios of times are what counts, in microseconds as in
seconds. A failure is a fixed step above the highest energy that has been seen, so it never attracts.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from helion_autotune.trial import Trial

#: Energy of a factor of e. scipy's annealing starts at a temperature of 5230, at which it refuses a factor of 2.4.
SCALE = 1000.0
#: How much worse than the worst a failure is.
FAILURE = SCALE * math.log(4.0)
#: Milliseconds that no time is below, so that a logarithm exists.
_SHORTEST = 1e-9


@attrs.define
class Energy:
    """Turns trials into energies; remembers the highest."""

    highest: float = 0.0

    def of(self, trial: Trial) -> float:
        """The energy of one trial, finite."""
        if not trial.ok:
            return self.highest + FAILURE
        energy = SCALE * math.log(max(trial.value, _SHORTEST))
        self.highest = max(self.highest, energy)
        return energy
