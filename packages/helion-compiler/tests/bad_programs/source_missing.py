import torch

import helion
import helion.language as hl

text = """
@helion.kernel()
def kernel(x):
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        out[tile, :] = x[tile, :]
    return out
"""


def provoke() -> None:
    names = {"torch": torch, "helion": helion, "hl": hl}
    exec(text, names)
    names["kernel"](torch.zeros(4, 8))
