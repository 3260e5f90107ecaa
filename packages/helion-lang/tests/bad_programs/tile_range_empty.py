"""No ends at all."""

from __future__ import annotations

import torch

import helion
import helion.language as hl


@helion.kernel(ref_mode=True)
def kernel(x: torch.Tensor) -> torch.Tensor:
    for _ in hl.tile([]):
        pass
    return x


def provoke() -> None:
    kernel(torch.zeros(5))
