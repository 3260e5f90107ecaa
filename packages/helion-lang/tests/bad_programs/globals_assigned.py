import torch

import helion
import helion.language as hl

calls = 0
largest = 0


@helion.kernel(ref_mode=True)
def kernel(x):
    global calls, largest  # noqa: PLW0603  # the mistake
    calls += 1
    largest = x.size(0)
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        out[tile] = x[tile]
    return out


def provoke() -> None:
    kernel(torch.zeros(4))
