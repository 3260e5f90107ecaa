"""A loop that overwrites what an earlier one reads."""

from __future__ import annotations

import torch

import helion
import helion.language as hl


@helion.kernel(ref_mode=True)
def kernel(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        out[tile] = x[tile] * 2
    for tile in hl.tile(x.size(0)):
        x[tile] = 0
    return out


def provoke() -> None:
    kernel(torch.zeros(5))
