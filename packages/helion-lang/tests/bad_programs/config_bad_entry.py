"""One of the block sizes is no power of two."""

from __future__ import annotations

import helion


def provoke() -> None:
    helion.Config(block_sizes=[64, 48])
