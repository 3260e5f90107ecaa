"""The accumulator does not have the shape of the product."""

from __future__ import annotations

import torch

import helion
import helion.language as hl


@helion.kernel(ref_mode=True)
def kernel(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    for tile_m, tile_n in hl.tile(x.size()):
        acc = hl.zeros([tile_n, tile_m])
        x[tile_m, tile_n] = torch.addmm(acc, x[tile_m, :], y[:, tile_n])
    return x


def provoke() -> None:
    kernel(torch.zeros(4, 6), torch.zeros(6, 6))
