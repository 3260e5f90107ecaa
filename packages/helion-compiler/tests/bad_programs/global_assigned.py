"""A global variable counted up by a kernel."""

from __future__ import annotations

import torch

import helion
import helion.language as hl

CALLS = 0


@helion.kernel()
def kernel(x: torch.Tensor) -> torch.Tensor:
    global CALLS  # noqa: PLW0603 - the mistake
    CALLS += 1
    for tile in hl.tile(x.size(0)):
        x[tile] = 0
    return x


def provoke() -> None:
    kernel(torch.zeros(5))
