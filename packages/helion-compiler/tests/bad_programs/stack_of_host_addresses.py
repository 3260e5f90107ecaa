"""Addresses that were not loaded."""

from __future__ import annotations

import torch

import helion
import helion.language as hl


@helion.kernel()
def kernel(x: torch.Tensor, addresses: torch.Tensor) -> torch.Tensor:
    for tile in hl.tile(x.size(0)):
        x[tile] = hl.stacktensor_like(x, addresses)[tile].sum(0)
    return x


def provoke() -> None:
    kernel(torch.zeros(5), torch.zeros(2, dtype=torch.int64))
