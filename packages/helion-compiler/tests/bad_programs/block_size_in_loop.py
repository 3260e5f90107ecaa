"""A block size is registered inside the loop."""

from __future__ import annotations

import torch

import helion
import helion.language as hl


@helion.kernel()
def kernel(x: torch.Tensor) -> torch.Tensor:
    for tile in hl.tile(x.size(0)):
        block = hl.register_block_size(16)
        x[tile] = block
    return x


def provoke() -> None:
    kernel(torch.zeros(5))
