"""Three names for two tiles."""

from __future__ import annotations

import torch

import helion
import helion.language as hl


@helion.kernel(ref_mode=True)
def kernel(x: torch.Tensor) -> torch.Tensor:
    for tile_m, tile_n, tile_k in hl.tile(x.size()):
        x[tile_m, tile_n] = tile_k.begin
    return x


def provoke() -> None:
    kernel(torch.zeros(4, 6))
