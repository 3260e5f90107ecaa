import torch

import helion
import helion.language as hl


@helion.kernel()
def kernel(x):
    out = torch.empty_like(x)
    count = 0
    for tile in hl.tile(x.size(0)):
        for other in hl.tile(x.size(1)):
            count = count + 1
            out[tile, other] = x[tile, other] * count
    return out


def provoke() -> None:
    kernel(torch.zeros(4, 8))
