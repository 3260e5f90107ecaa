import torch

import helion
import helion.language as hl


@helion.kernel()
def kernel(x):
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        if tile.begin > 64:
            break
        if tile.begin == 0:
            continue
        out[tile] = x[tile]
    for tile in hl.tile(x.size(0)):
        out[tile] += tile
    return out


def provoke() -> None:
    kernel(torch.zeros(4))
