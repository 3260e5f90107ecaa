import torch

import helion
import helion.language as hl


@helion.kernel()
def kernel(x):
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        out[tile] = x[tile] + 10**400  # the mistake
    return out


def provoke() -> None:
    kernel(torch.zeros(8))
