"""More stages than are allowed."""

from __future__ import annotations

import helion


def provoke() -> None:
    helion.Config(num_stages=9)
