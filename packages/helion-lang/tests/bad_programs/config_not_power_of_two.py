"""A number of warps that no GPU takes."""

from __future__ import annotations

import helion


def provoke() -> None:
    helion.Config(num_warps=6)
