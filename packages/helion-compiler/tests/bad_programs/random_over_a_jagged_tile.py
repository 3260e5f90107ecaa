"""Random numbers whose offsets would depend on how many lanes run together."""

from __future__ import annotations

import torch

import helion
import helion.language as hl


@helion.kernel()
def kernel(x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    for tile in hl.tile(lengths.size(0)):
        for inner in hl.jagged_tile(lengths[tile]):
            x[tile, inner] = hl.rand([tile, inner], seed=1)
    return x


def provoke() -> None:
    kernel(torch.zeros(2, 5), torch.tensor([3, 5]))
