"""A jagged loop without lanes around it."""

from __future__ import annotations

import torch

import helion
import helion.language as hl


@helion.kernel()
def kernel(x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    for tile in hl.jagged_tile(lengths):
        x[tile, :] = 0
    return x


def provoke() -> None:
    kernel(torch.zeros(4, 6), torch.tensor([1, 2]))
