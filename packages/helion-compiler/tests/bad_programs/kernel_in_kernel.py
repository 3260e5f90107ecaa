"""A kernel that calls another one."""

from __future__ import annotations

import torch

import helion
import helion.language as hl


@helion.kernel()
def inner(x: torch.Tensor) -> torch.Tensor:
    for tile in hl.tile(x.size(0)):
        x[tile] = 1
    return x


@helion.kernel()
def kernel(x: torch.Tensor) -> torch.Tensor:
    for _ in hl.tile(x.size(0)):
        inner(x)
    return x


def provoke() -> None:
    kernel(torch.zeros(5))
