"""Stacked tensors made on the host."""

from __future__ import annotations

import torch

import helion
import helion.language as hl


@helion.kernel()
def kernel(x: torch.Tensor, addresses: torch.Tensor) -> torch.Tensor:
    stack = hl.stacktensor_like(x, addresses)
    for tile in hl.tile(x.size(0)):
        x[tile] = stack[tile].sum(0)
    return x


def provoke() -> None:
    kernel(torch.zeros(5), torch.zeros(2, dtype=torch.int64))
