"""Softmax over the last dimension of a batch of matrices: a grid over two dimensions, each row whole.

A loop over ``[batch, rows]`` has two block sizes, so a program may take several rows of one matrix, one row of several
matrices, or a bit of both.
"""

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, pick


@helion.kernel()
def batch_softmax(x: torch.Tensor) -> torch.Tensor:
    """``torch.softmax(x, dim=-1)`` for ``[batch, rows, columns]``."""
    batch, rows, _ = x.size()
    out = torch.empty_like(x)
    for tile_b, tile_m in hl.tile([batch, rows]):
        values = x[tile_b, tile_m, :].to(torch.float32)
        exponentials = torch.exp(values - values.amax(dim=-1, keepdim=True))
        out[tile_b, tile_m, :] = exponentials / exponentials.sum(dim=-1, keepdim=True)
    return out


def reference(x: torch.Tensor) -> torch.Tensor:
    """The same by torch."""
    return torch.softmax(x, dim=-1)


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    shape = [pick(gpu=32, cpu=3), pick(gpu=1024, cpu=17), pick(gpu=1024, cpu=65)]
    compare("batch softmax", batch_softmax, reference, (torch.randn(shape, device=DEVICE),))


if __name__ == "__main__":
    main()
