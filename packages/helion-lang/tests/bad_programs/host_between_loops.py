"""A host statement between loops that needs what the first one wrote."""

from __future__ import annotations

import torch

import helion
import helion.language as hl


@helion.kernel(ref_mode=True)
def kernel(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        out[tile] = x[tile] * 2
    total = out.sum()
    for tile in hl.tile(x.size(0)):
        x[tile] = x[tile] / total
    return x


def provoke() -> None:
    kernel(torch.zeros(5))
