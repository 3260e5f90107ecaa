"""A slice that ends at a float."""

from __future__ import annotations

import torch

import helion
import helion.language as hl


@helion.kernel()
def kernel(x: torch.Tensor) -> torch.Tensor:
    for tile in hl.tile(x.size(0)):
        x[tile, :2.5] = 0
    return x


def provoke() -> None:
    kernel(torch.zeros(4, 6))
