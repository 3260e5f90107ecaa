"""Two tunables of one name."""

from __future__ import annotations

import torch

import helion
import helion.language as hl
from helion.autotuner import IntegerFragment


@helion.kernel()
def kernel(x: torch.Tensor) -> torch.Tensor:
    first = hl.register_tunable("split", IntegerFragment(1, 4))
    second = hl.register_tunable("split", IntegerFragment(1, 4))
    for tile in hl.tile(x.size(0)):
        x[tile] = first + second
    return x


def provoke() -> None:
    kernel(torch.zeros(5))
