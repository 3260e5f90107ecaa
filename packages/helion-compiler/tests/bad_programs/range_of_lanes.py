import torch

import helion
import helion.language as hl


@helion.kernel()
def kernel(x):
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        for i in range(x[tile, 0]):  # the mistake
            out[tile, i] = 1
    return out


def provoke() -> None:
    kernel(torch.zeros(4, 8))
