"""A tunable with a number for a fragment."""

from __future__ import annotations

import torch

import helion
import helion.language as hl


@helion.kernel()
def kernel(x: torch.Tensor) -> torch.Tensor:
    split = hl.register_tunable("split", 4)
    for tile in hl.tile(x.size(0)):
        x[tile] = split
    return x


def provoke() -> None:
    kernel(torch.zeros(5))
