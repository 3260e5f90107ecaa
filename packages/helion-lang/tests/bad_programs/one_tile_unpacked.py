"""Two names for one tile."""

from __future__ import annotations

import torch

import helion
import helion.language as hl


@helion.kernel(ref_mode=True)
def kernel(x: torch.Tensor) -> torch.Tensor:
    for tile_m, tile_n in hl.tile(x.size(0)):
        x[tile_m, tile_n] = 0
    return x


def provoke() -> None:
    kernel(torch.zeros(4, 6))
