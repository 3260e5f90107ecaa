import torch

import helion
import helion.language as hl


@helion.kernel()
def kernel(x):
    total = torch.empty(x.size(0))
    kept = []
    for tile in hl.tile(x.size(0)):
        acc = hl.zeros([tile])
        for inner in hl.tile(x.size(1)):
            acc = acc + x[tile, inner].sum(2)
            x[tile, inner] = tile * 2
        kept.append(acc)
        total[tile] = kept[0]
    for tile in hl.tile(x.size(0)):
        total[tile] = kept[0] + total[tile, :]
        total[tile, 0] = 1
    return total, kept[0]


def provoke() -> None:
    kernel(torch.zeros(4, 8))
