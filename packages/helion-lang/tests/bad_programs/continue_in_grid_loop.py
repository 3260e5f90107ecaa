"""An iteration skipped in a loop over positions."""

from __future__ import annotations

import torch

import helion
import helion.language as hl


@helion.kernel(ref_mode=True)
def kernel(x: torch.Tensor) -> torch.Tensor:
    for i in hl.grid(x.size(0)):
        if i == 1:
            continue
        x[i] = 1
    return x


def provoke() -> None:
    kernel(torch.zeros(5))
