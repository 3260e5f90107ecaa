import torch

import helion
import helion.language as hl


@helion.kernel()
def kernel(x):
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        acc = hl.zeros([tile])
        for _other in hl.tile(x.size(1)):
            acc = 1.0
        out[tile, 0] = acc
    return out


def provoke() -> None:
    kernel(torch.zeros(4, 8))
