"""A tensor is specialised on."""

from __future__ import annotations

import torch

import helion
import helion.language as hl


@helion.kernel(ref_mode=True)
def kernel(x: torch.Tensor) -> torch.Tensor:
    n = hl.specialize(x)
    for tile in hl.tile(n):
        x[tile] = 0
    return x


def provoke() -> None:
    kernel(torch.zeros(5))
