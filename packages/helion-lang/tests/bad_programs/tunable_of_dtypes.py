"""A tunable of dtypes."""

from __future__ import annotations

import torch

import helion
import helion.language as hl
from helion.autotuner import EnumFragment


@helion.kernel(ref_mode=True)
def kernel(x: torch.Tensor) -> torch.Tensor:
    dtype = hl.register_tunable("dtype", EnumFragment((torch.float16, torch.float32)))
    for tile in hl.tile(x.size(0)):
        x[tile] = x[tile].to(dtype)
    return x


def provoke() -> None:
    kernel(torch.zeros(5))
