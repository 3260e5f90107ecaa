"""A result as long as there are positive values."""

from __future__ import annotations

import torch

import helion
import helion.language as hl


@helion.kernel()
def kernel(x: torch.Tensor) -> torch.Tensor:
    for tile in hl.tile(x.size(0)):
        positive = torch.nonzero(x[tile] > 0)
        x[tile] = positive.size(0)
    return x


def provoke() -> None:
    kernel(torch.zeros(5))
