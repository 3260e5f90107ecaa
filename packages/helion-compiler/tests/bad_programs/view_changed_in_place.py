import torch

import helion
import helion.language as hl


@helion.kernel()
def kernel(x):
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        acc = hl.zeros([tile])
        column = acc[:, None]
        column += x[tile, :]
        out[tile, :] = column
    return out


def provoke() -> None:
    kernel(torch.zeros(4, 8))
