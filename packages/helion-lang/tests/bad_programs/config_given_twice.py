"""Singular and plural of one key."""

from __future__ import annotations

import helion


def provoke() -> None:
    helion.Config(block_size=64, block_sizes=[64])
