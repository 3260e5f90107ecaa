"""A number that is no size is specialised."""

from __future__ import annotations

import torch

import helion
import helion.language as hl


@helion.kernel(ref_mode=True)
def kernel(x: torch.Tensor, scale: float) -> torch.Tensor:
    scale = hl.specialize(scale)
    for tile in hl.tile(x.size(0)):
        x[tile] = x[tile] * scale
    return x


def provoke() -> None:
    kernel(torch.zeros(5), 2.5)
