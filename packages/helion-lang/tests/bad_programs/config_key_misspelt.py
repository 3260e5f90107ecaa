"""A config key with a letter too many."""

from __future__ import annotations

import helion


def provoke() -> None:
    helion.Config(num_warpss=4)
