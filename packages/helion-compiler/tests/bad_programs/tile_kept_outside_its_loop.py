import torch

import helion
import helion.language as hl


@helion.kernel()
def kernel(x):
    out = torch.empty([x.size(0)])
    for tile in hl.tile(x.size(0)):
        kept = []
        for other in hl.tile(x.size(1)):
            kept.append(other)
        out[tile] = x[tile, kept[0]].sum(1)
    return out


def provoke() -> None:
    kernel(torch.zeros(4, 8))
