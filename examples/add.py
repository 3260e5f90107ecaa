"""The smallest kernel: pointwise, with PyTorch's broadcasting.

Code outside of the tile loop is host code and ordinary PyTorch: here it broadcasts the inputs against each other
(views, no copies) and allocates the result. The loop is what becomes the GPU kernel: each iteration computes one tile
of the result, and every tile is computed by a program of its own.
"""

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, pick


@helion.kernel()
def add(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """``x + y`` with PyTorch's broadcasting and type promotion."""
    x, y = torch.broadcast_tensors(x, y)
    out = torch.empty(x.shape, dtype=torch.promote_types(x.dtype, y.dtype), device=x.device)
    for tile in hl.tile(out.size()):
        out[tile] = x[tile] + y[tile]
    return out


def reference(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The same by torch."""
    return x + y


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    rows, columns = pick(gpu=8192, cpu=100), pick(gpu=8192, cpu=300)
    x, y = torch.randn(rows, columns, device=DEVICE), torch.randn(columns, device=DEVICE)
    compare("add", add, reference, (x, y))


if __name__ == "__main__":
    main()
