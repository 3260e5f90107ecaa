"""A word where a flag belongs."""

from __future__ import annotations

import helion


def provoke() -> None:
    helion.kernel(static_shapes="yes")
