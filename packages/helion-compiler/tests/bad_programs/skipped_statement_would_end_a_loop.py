import torch

import helion
import helion.language as hl


@helion.kernel()
def kernel(x):
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        turn = 0
        while turn < 4:
            turn = turn + step  # noqa: F821  # the mistake
            out[tile] = x[tile] * turn
        other = 0
        while True:
            other = other + stride  # noqa: F821  # the mistake
            if other > 3:
                break
    return out


def provoke() -> None:
    kernel(torch.zeros(4))
