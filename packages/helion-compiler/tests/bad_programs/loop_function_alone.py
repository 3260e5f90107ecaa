"""A loop function whose result is not looped over."""

from __future__ import annotations

import torch

import helion
import helion.language as hl


@helion.kernel()
def kernel(x: torch.Tensor) -> torch.Tensor:
    hl.tile(x.size(0))
    for i in hl.grid(x.size(0)):
        x[i] = 1
    return x


def provoke() -> None:
    kernel(torch.zeros(5))
