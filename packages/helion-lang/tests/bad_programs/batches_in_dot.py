"""Batch dimensions of a dot differ."""

from __future__ import annotations

import torch

import helion
import helion.language as hl


@helion.kernel(ref_mode=True)
def kernel(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    for tile in hl.tile(x.size(0)):
        hl.dot(x[tile, :, :], y[:, :, :])
    return x


def provoke() -> None:
    kernel(torch.zeros(2, 3, 4), torch.zeros(3, 4, 5))
