"""A batch of matrix products: the batch is one more axis of the grid.

Tiles are three-dimensional, and ``baddbmm`` multiplies them batch by batch. How many batches a program takes is a
block size like any other; 1 is usually the best.
"""

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, half_precision, pick


@helion.kernel()
def bmm(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """``torch.bmm`` of ``[batch, m, k]`` and ``[batch, k, n]``, summed in float32."""
    batch, m, k = x.size()
    _, _, n = y.size()
    out = torch.empty([batch, m, n], dtype=x.dtype, device=x.device)
    for tile_b, tile_m, tile_n in hl.tile([batch, m, n]):
        acc = hl.zeros([tile_b, tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(k):
            acc = torch.baddbmm(acc, x[tile_b, tile_m, tile_k], y[tile_b, tile_k, tile_n])
        out[tile_b, tile_m, tile_n] = acc
    return out


def reference(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The same by torch."""
    return torch.bmm(x, y)


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    batch, size, dtype = pick(gpu=32, cpu=3), pick(gpu=1024, cpu=48), half_precision()
    x, y = (torch.randn(batch, size, size, device=DEVICE).to(dtype) for _ in range(2))
    compare("bmm", bmm, reference, (x, y))


if __name__ == "__main__":
    main()
