import torch

import helion
import helion.language as hl


@helion.kernel(ref_mode=True)
def kernel(x):
    out = torch.empty_like(x)
    for tile in hl.tile(hl.cdiv(x.size(0), 2)):  # the mistake
        out[tile, :] = x[tile, :]
    return out


def provoke() -> None:
    kernel(torch.zeros(4, 8))
