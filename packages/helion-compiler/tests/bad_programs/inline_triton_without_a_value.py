"""Triton that ends with a statement where a value is expected."""

from __future__ import annotations

import torch

import helion
import helion.language as hl


@helion.kernel()
def kernel(x: torch.Tensor) -> torch.Tensor:
    for tile in hl.tile(x.size(0)):
        x[tile] = hl.inline_triton("y = {0} + 1", (x[tile],), x[tile])
    return x


def provoke() -> None:
    kernel(torch.zeros(5))
