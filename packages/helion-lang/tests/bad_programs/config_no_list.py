"""One block size where a list belongs."""

from __future__ import annotations

import helion


def provoke() -> None:
    helion.Config(block_sizes=64)
