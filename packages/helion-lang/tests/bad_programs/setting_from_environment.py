"""A variable that cannot be read."""

from __future__ import annotations

import helion


def provoke() -> None:
    helion.Settings.read({}, {"HELION_PERSISTENT_RESERVED_SMS": "many"})
