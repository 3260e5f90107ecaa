"""A host statement between loops that changes what the first one read."""

from __future__ import annotations

import torch

import helion
import helion.language as hl


@helion.kernel(ref_mode=True)
def kernel(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        out[tile] = x[tile] * 2
    x.zero_()
    for i in hl.grid(x.size(0)):
        x[i] = i
    return out


def provoke() -> None:
    kernel(torch.zeros(5))
