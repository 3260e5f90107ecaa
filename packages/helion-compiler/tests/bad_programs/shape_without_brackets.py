"""A tile is given where a list of tiles belongs."""

from __future__ import annotations

import torch

import helion
import helion.language as hl


@helion.kernel()
def kernel(x: torch.Tensor) -> torch.Tensor:
    for tile in hl.tile(x.size(0)):
        x[tile] = hl.zeros(tile)
    return x


def provoke() -> None:
    kernel(torch.zeros(5))
