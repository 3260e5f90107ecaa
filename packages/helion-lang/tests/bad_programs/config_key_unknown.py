"""A config key like no other, with what no tunable holds."""

from __future__ import annotations

import helion


def provoke() -> None:
    helion.Config(zzz=[4])
