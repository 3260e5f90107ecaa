"""Matrices chosen by an index, each times one vector: ``w[index] @ x`` without copying the chosen matrices.

The first subscript of ``w`` is a tile of indices, a gather; the other two are tiles of positions. The result of the
load is ``[index, row, column]``, and a sum over columns makes it the products.

    index  2 0        w  ┌───┐┌───┐┌───┐
                         │ 0 ││ 1 ││ 2 │    out[0] = w[2] @ x
                         └───┘└───┘└───┘    out[1] = w[0] @ x
"""

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, half_precision, pick


@helion.kernel()
def gather_gemv(w: torch.Tensor, index: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """``w[index] @ x``.

    Args:
        w: ``[matrices, rows, columns]``.
        index: ``[chosen]`` integers.
        x: ``[columns]``.
    """
    _, rows, columns = w.size()
    (chosen,) = index.size()
    out = torch.empty([chosen, rows], dtype=x.dtype, device=x.device)
    for tile_i, tile_m in hl.tile([chosen, rows]):
        which = index[tile_i]
        acc = hl.zeros([tile_i, tile_m], dtype=torch.float32)
        for tile_k in hl.tile(columns):
            weights = w[which, tile_m, tile_k].to(torch.float32)
            acc += (weights * x[tile_k].to(torch.float32)[None, None, :]).sum(dim=-1)
        out[tile_i, tile_m] = acc
    return out


def reference(w: torch.Tensor, index: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """The same by torch."""
    return w[index] @ x


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    matrices, size = pick(gpu=8, cpu=5), pick(gpu=4096, cpu=67)
    w = torch.randn(matrices, size, size, device=DEVICE).to(half_precision())
    x = torch.randn(size, device=DEVICE).to(half_precision())
    index = torch.tensor([3, 0], device=DEVICE)
    compare("gathered matrix-vector product", gather_gemv, reference, (w, index, x))


if __name__ == "__main__":
    main()
