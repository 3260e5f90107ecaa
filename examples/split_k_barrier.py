"""Split-K without atomics: partial products first, their sum after a barrier, in one kernel.

``hl.barrier()`` between two outermost loops waits until every program is through with the first. The first loop writes
partial products side by side, the second adds them in a fixed order, so the result is the same bits every time.

    loop 1   partial[:, :, 0]  partial[:, :, 1]  partial[:, :, 2]
             ───────────────────── barrier ─────────────────────
    loop 2   out = partial.sum(-1)
"""

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, half_precision, pick


@helion.kernel(static_shapes=True)
def split_k_barrier(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """``x @ y`` for ``[m, k]`` and ``[k, n]``, summed in float32 and rounded once."""
    m, k = x.size()
    _, n = y.size()
    block_k = hl.register_block_size(32, k)
    pieces = helion.cdiv(k, block_k)
    partial = torch.zeros([m, n, pieces], dtype=torch.float32, device=x.device)
    out = torch.empty([m, n], dtype=x.dtype, device=x.device)
    for tile_m, tile_n, piece in hl.tile([m, n, k], block_size=[None, None, block_k]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(piece.begin, piece.end):
            acc = torch.addmm(acc, x[tile_m, tile_k], y[tile_k, tile_n])
        partial[tile_m, tile_n, piece.id] = acc
    hl.barrier()
    for tile_m, tile_n in hl.tile([m, n]):
        out[tile_m, tile_n] = partial[tile_m, tile_n, :].sum(-1)
    return out


def reference(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The same by torch."""
    return x @ y


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    m, n, k = pick(gpu=64, cpu=33), pick(gpu=64, cpu=33), pick(gpu=32768, cpu=130)
    dtype = half_precision()
    x, y = torch.randn(m, k, device=DEVICE).to(dtype), torch.randn(k, n, device=DEVICE).to(dtype)
    compare("split-K matmul with a barrier", split_k_barrier, reference, (x, y))


if __name__ == "__main__":
    main()
