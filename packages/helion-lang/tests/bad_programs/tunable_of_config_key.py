"""A tunable with the name of a config key."""

from __future__ import annotations

import torch

import helion
import helion.language as hl
from helion.autotuner import IntegerFragment


@helion.kernel(ref_mode=True)
def kernel(x: torch.Tensor) -> torch.Tensor:
    warps = hl.register_tunable("num_warps", IntegerFragment(1, 4))
    for tile in hl.tile(x.size(0)):
        x[tile] = warps
    return x


def provoke() -> None:
    kernel(torch.zeros(5))
