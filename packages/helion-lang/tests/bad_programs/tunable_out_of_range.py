"""A config with a value that the kernel does not register."""

from __future__ import annotations

import torch

import helion
import helion.language as hl
from helion.autotuner import PowerOfTwoFragment


@helion.kernel(ref_mode=True, config=helion.Config(split=3))
def kernel(x: torch.Tensor) -> torch.Tensor:
    split = hl.register_tunable("split", PowerOfTwoFragment(1, 16))
    for tile in hl.tile(x.size(0)):
        x[tile] = split
    return x


def provoke() -> None:
    kernel(torch.zeros(5))
