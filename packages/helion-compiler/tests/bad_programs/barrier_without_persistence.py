"""A barrier, and a config by which programs do not all run at once."""

from __future__ import annotations

import torch

import helion
import helion.language as hl


@helion.kernel(config=helion.Config(block_sizes=[4, 4], pid_type="flat"))
def kernel(x: torch.Tensor) -> torch.Tensor:
    y, z = torch.empty_like(x), torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        y[tile] = x[tile] + 1
    hl.barrier()
    for tile in hl.tile(x.size(0)):
        z[tile] = y[tile] * 2
    return z


def provoke() -> None:
    kernel(torch.zeros(9))
