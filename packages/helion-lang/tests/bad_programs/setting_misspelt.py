"""A setting that does not exist."""

from __future__ import annotations

import helion


def provoke() -> None:
    helion.kernel(static_shape=True)
