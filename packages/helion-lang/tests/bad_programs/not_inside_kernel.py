"""A language function is called in plain Python."""

from __future__ import annotations

import helion.language as hl


def provoke() -> None:
    hl.zeros([4])
