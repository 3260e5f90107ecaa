import torch

import helion
import helion.language as hl


@helion.kernel()
def kernel(x):
    out = torch.empty_like(x)
    keep = torch.rand((), device=x.device).item() > 0.5
    scale = 2 if keep else 1
    for tile in hl.tile(x.size(0)):
        out[tile, :] = x[tile, :] * scale
    return out


def provoke() -> None:
    kernel(torch.zeros(4, 8))
