"""Two matrices side by side, without a copy for either: each lane decides which of the two it reads.

A tile may lie across the seam. Both loads are masked to the lanes that are theirs, and ``where`` puts them together:

    x  ▒▒▒▒▒     y  ░░░      out  ▒▒▒▒▒░░░
                                     └─┬─┘ one tile: lanes of x, then lanes of y
"""

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, pick


@helion.kernel()
def concatenate(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """``torch.cat([x, y], dim=1)`` of two matrices."""
    rows, seam = x.size()
    width = seam + y.size(1)
    out = torch.empty([rows, width], dtype=x.dtype, device=x.device)
    for tile_m, tile_n in hl.tile([rows, width]):
        column = tile_n.index
        in_x, in_y = column < seam, column >= seam
        left = hl.load(x, [tile_m, column], extra_mask=in_x[None, :])
        right = hl.load(y, [tile_m, column - seam], extra_mask=in_y[None, :])
        out[tile_m, tile_n] = torch.where(in_x[None, :], left, right)
    return out


def reference(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The same by torch."""
    return torch.cat([x, y], dim=1)


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    rows = pick(gpu=8192, cpu=37)
    x = torch.randn(rows, pick(gpu=3000, cpu=19), device=DEVICE)
    y = torch.randn(rows, pick(gpu=5000, cpu=41), device=DEVICE)
    compare("concatenate", concatenate, reference, (x, y))


if __name__ == "__main__":
    main()
