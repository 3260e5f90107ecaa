"""A loop order that names an axis twice."""

from __future__ import annotations

import helion


def provoke() -> None:
    helion.Config(loop_orders=[[0, 0]])
