"""A jagged tile without the tile of its lanes."""

from __future__ import annotations

import torch

import helion
import helion.language as hl


@helion.kernel()
def kernel(x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    for tile in hl.tile(lengths.size(0)):
        for inner in hl.jagged_tile(lengths[tile]):
            x[inner] = 0
    return x


def provoke() -> None:
    kernel(torch.zeros(5), torch.tensor([1, 2]))
