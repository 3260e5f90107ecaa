"""A loop over a tile."""

from __future__ import annotations

import torch

import helion
import helion.language as hl


@helion.kernel()
def kernel(x: torch.Tensor) -> torch.Tensor:
    for tile in hl.tile(x.size(0)):
        for inner in hl.tile(tile):
            x[inner] = 1
    return x


def provoke() -> None:
    kernel(torch.zeros(5))
