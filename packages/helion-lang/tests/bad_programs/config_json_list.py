"""JSON that is no object."""

from __future__ import annotations

import helion


def provoke() -> None:
    helion.Config.from_json("[1, 2]")
