"""A boolean where a number belongs."""

from __future__ import annotations

import helion


def provoke() -> None:
    helion.Config(num_stages=True)
