"""One config and several."""

from __future__ import annotations

import helion


def provoke() -> None:
    helion.kernel(config=helion.Config(), configs=[helion.Config()])
