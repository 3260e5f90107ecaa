"""A value used after the loop that made it."""

from __future__ import annotations

import torch

import helion
import helion.language as hl


@helion.kernel(ref_mode=True)
def kernel(x: torch.Tensor) -> torch.Tensor:
    for tile in hl.tile(x.size(0)):
        row = x[tile] * 2
    return row + 1


def provoke() -> None:
    kernel(torch.zeros(5))
