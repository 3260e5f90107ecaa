"""A whole tensor of the host in arithmetic."""

from __future__ import annotations

import torch

import helion
import helion.language as hl


@helion.kernel(ref_mode=True)
def kernel(x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    for tile in hl.tile(x.size(0)):
        x[tile, :] = x[tile, :] + bias
    return x


def provoke() -> None:
    kernel(torch.zeros(4, 6), torch.zeros(6))
