"""An unrolled loop as long as a value says."""

from __future__ import annotations

import torch

import helion
import helion.language as hl


@helion.kernel(ref_mode=True)
def kernel(x: torch.Tensor) -> torch.Tensor:
    for tile in hl.tile(x.size(0)):
        for i in hl.static_range(x[0].int()):
            x[tile] = i
    return x


def provoke() -> None:
    kernel(torch.zeros(5))
