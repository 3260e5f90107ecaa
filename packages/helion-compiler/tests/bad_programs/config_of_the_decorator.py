import torch

import helion
import helion.language as hl


@helion.kernel(config=helion.Config(block_sizes=[1, 1]))
def softmax(x):
    out = torch.empty_like(x)
    for tile_n in hl.tile(x.size(0)):
        out[tile_n, :] = torch.softmax(x[tile_n, :], dim=1)
    return out


def provoke() -> None:
    softmax(torch.zeros(4, 8))
