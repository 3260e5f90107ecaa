import torch

import helion
import helion.language as hl


@helion.kernel()
def kernel(x):
    for tile in hl.tile(x.size(0)):
        row = x[tile, :]
    return row


def provoke() -> None:
    kernel(torch.zeros(4, 8))
