"""A tile loop left early."""

from __future__ import annotations

import torch

import helion
import helion.language as hl


@helion.kernel(ref_mode=True)
def kernel(x: torch.Tensor) -> torch.Tensor:
    for tile in hl.tile(x.size(0)):
        if tile.begin > 2:
            break
        x[tile] = 1
    return x


def provoke() -> None:
    kernel(torch.zeros(5))
