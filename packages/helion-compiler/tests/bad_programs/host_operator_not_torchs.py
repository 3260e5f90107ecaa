import torch

import helion
import helion.language as hl


@torch.library.custom_op("helion_bad_programs::doubled", mutates_args=())
def doubled(x: torch.Tensor) -> torch.Tensor:
    return x * 2


@doubled.register_fake
def _(x):
    return torch.empty_like(x)


@helion.kernel()
def kernel(x):
    y = doubled(x)
    out = torch.empty_like(y)
    for tile in hl.tile(y.size(0)):
        out[tile, :] = y[tile, :] + 1
    return out


def provoke() -> None:
    kernel(torch.zeros(4, 8))
