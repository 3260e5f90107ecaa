"""A tile loop with an else."""

from __future__ import annotations

import torch

import helion
import helion.language as hl


@helion.kernel()
def kernel(x: torch.Tensor) -> torch.Tensor:
    for tile in hl.tile(x.size(0)):
        x[tile] = 1
    else:  # noqa: PLW0120 - the mistake
        x = x[1:]
    return x


def provoke() -> None:
    kernel(torch.zeros(5))
