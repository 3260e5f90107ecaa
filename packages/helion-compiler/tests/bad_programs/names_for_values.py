"""More names than values."""

from __future__ import annotations

import torch

import helion
import helion.language as hl


@helion.kernel()
def kernel(x: torch.Tensor) -> torch.Tensor:
    rows, columns, rest = x.shape
    for tile in hl.tile(rows):
        x[tile, :] = columns + rest
    return x


def provoke() -> None:
    kernel(torch.zeros(4, 6))
