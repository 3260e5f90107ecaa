"""JSON that ends too early."""

from __future__ import annotations

import helion


def provoke() -> None:
    helion.Config.from_json('{"num_warps": 4')
