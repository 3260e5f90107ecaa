import torch

import helion
import helion.language as hl


@helion.kernel()
def kernel(x):
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        value = x[tile]
        if value.sum() > 0:
            value = value + missing  # noqa: F821  # the mistake
            out[tile] = value
        else:
            value = value.sum(1)
            out[tile] = value
    return out


def provoke() -> None:
    kernel(torch.zeros(4))
