"""A file that is not there."""

from __future__ import annotations

import helion


def provoke() -> None:
    helion.Config.load("no/such/file.json")
