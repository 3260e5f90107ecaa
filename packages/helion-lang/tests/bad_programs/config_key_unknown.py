"""A config key like no other."""

from __future__ import annotations

import helion


def provoke() -> None:
    helion.Config(zzz=4)
