"""A reduction over the rows of a matrix.

``x[tile, :]`` takes whole rows: a dimension that is reduced at once. How many rows a program takes, and whether it
holds a row in registers or walks along it in steps, is the config's to say; the kernel does not change.

    x   ┌───────────────┐         out
        │ ▒▒▒▒▒▒▒▒▒▒▒▒▒ │ tile ──>  ▒
        │ ▒▒▒▒▒▒▒▒▒▒▒▒▒ │           ▒
        │               │
        └───────────────┘
"""

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, pick


@helion.kernel()
def sum_rows(x: torch.Tensor) -> torch.Tensor:
    """``x.sum(-1)`` of a matrix, summed in float32."""
    rows, _ = x.size()
    out = torch.empty([rows], dtype=x.dtype, device=x.device)
    for tile in hl.tile(rows):
        out[tile] = x[tile, :].to(torch.float32).sum(-1)
    return out


def reference(x: torch.Tensor) -> torch.Tensor:
    """The same by torch."""
    return x.sum(-1)


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    x = torch.randn(pick(gpu=8192, cpu=67), pick(gpu=8192, cpu=300), device=DEVICE)
    compare("sum", sum_rows, reference, (x,))


if __name__ == "__main__":
    main()
