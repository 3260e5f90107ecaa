"""A kernel without a tile loop."""

from __future__ import annotations

import torch

import helion


@helion.kernel(ref_mode=True)
def kernel(x: torch.Tensor) -> torch.Tensor:
    return x + 1


def provoke() -> None:
    kernel(torch.zeros(5))
