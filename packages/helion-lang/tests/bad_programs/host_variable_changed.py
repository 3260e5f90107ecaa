"""A number of the host counted up inside a loop."""

from __future__ import annotations

import torch

import helion
import helion.language as hl


@helion.kernel(ref_mode=True)
def kernel(x: torch.Tensor) -> torch.Tensor:
    count = 0
    for tile in hl.tile(x.size(0)):
        count = count + 1
        x[tile] = count
    return x


def provoke() -> None:
    kernel(torch.zeros(5))
