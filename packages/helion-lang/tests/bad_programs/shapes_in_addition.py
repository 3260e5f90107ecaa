"""Tiles of different dimensions are added."""

from __future__ import annotations

import torch

import helion
import helion.language as hl


@helion.kernel(ref_mode=True)
def kernel(x: torch.Tensor) -> torch.Tensor:
    for tile_m, tile_n in hl.tile(x.size()):
        x[tile_m, tile_n] = x[tile_m, 0] + x[0, tile_n]
    return x


def provoke() -> None:
    kernel(torch.zeros(4, 6))
