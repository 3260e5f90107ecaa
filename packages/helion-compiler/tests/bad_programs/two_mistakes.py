import torch

import helion
import helion.language as hl


@helion.kernel()
def kernel(x, y):
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        scaled = x[tile, :] * y[tile, :, 0]
        shifted = scaled + 1  # follows from the first mistake
        limited = torch.where(x[tile, :] > 0, x[tile, :], limit)  # noqa: F821  # the mistake
        out[tile, :] = shifted + limited
    return out


def provoke() -> None:
    kernel(torch.zeros(4, 8), torch.zeros(4, 8))
