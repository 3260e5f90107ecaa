"""An accumulator is made before the loop."""

from __future__ import annotations

import torch

import helion
import helion.language as hl


@helion.kernel(ref_mode=True)
def kernel(x: torch.Tensor) -> torch.Tensor:
    acc = hl.zeros([x.size(0)])
    for tile in hl.tile(x.size(0)):
        x[tile] = acc[tile]
    return x


def provoke() -> None:
    kernel(torch.zeros(5))
