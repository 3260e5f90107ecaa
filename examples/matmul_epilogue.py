"""A matrix product with a function of the caller's applied to each tile before it is stored."""

from collections.abc import Callable, Sequence

import torch

import helion
import helion.language as hl


@helion.kernel()
def matmul_with(
    x: torch.Tensor,
    y: torch.Tensor,
    epilogue: Callable[[torch.Tensor, Sequence[hl.Tile]], torch.Tensor],
) -> torch.Tensor:
    """``epilogue(x @ y)``. The epilogue gets a float32 tile and where it lies, and may capture tensors:

    ``matmul_with(x, y, lambda acc, tiles: torch.relu(acc + bias[tiles[1]]))``
    """
    m, k = x.size()
    k, n = y.size()
    out = torch.empty([m, n], dtype=x.dtype, device=x.device)
    for tile_m, tile_n in hl.tile([m, n]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(k):
            acc = torch.addmm(acc, x[tile_m, tile_k], y[tile_k, tile_n])
        out[tile_m, tile_n] = epilogue(acc, (tile_m, tile_n))
    return out
