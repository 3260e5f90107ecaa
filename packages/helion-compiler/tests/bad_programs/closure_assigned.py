"""A variable of the function around counted up by a kernel."""

from __future__ import annotations

import torch

import helion
import helion.language as hl


def provoke() -> None:
    calls = 0

    @helion.kernel()
    def kernel(x: torch.Tensor) -> torch.Tensor:
        nonlocal calls
        calls += 1
        for tile in hl.tile(x.size(0)):
            x[tile] = 0
        return x

    kernel(torch.zeros(5))
