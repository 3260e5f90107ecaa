"""A batch of matrices times one matrix, as ``torch.matmul`` broadcasts it.

The one matrix has no batch dimension; ``@`` of a three-dimensional tile and a two-dimensional one broadcasts it inside
of the kernel, as it would outside.
"""

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, half_precision, pick


@helion.kernel()
def broadcast_matmul(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """``x @ y`` for ``[batch, m, k]`` and ``[k, n]``, summed in float32."""
    batch, m, k = x.size()
    depth, n = y.size()
    assert k == depth, f"cannot multiply rows of {k} by columns of {depth}"
    out = torch.empty([batch, m, n], dtype=x.dtype, device=x.device)
    for tile_b, tile_m, tile_n in hl.tile([batch, m, n]):
        acc = hl.zeros([tile_b, tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(k):
            acc = acc + torch.matmul(x[tile_b, tile_m, tile_k], y[tile_k, tile_n])
        out[tile_b, tile_m, tile_n] = acc
    return out


def reference(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The same by torch."""
    return x @ y


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    batch, size, dtype = pick(gpu=16, cpu=3), pick(gpu=1024, cpu=48), half_precision()
    x, y = (torch.randn(*shape, size, device=DEVICE).to(dtype) for shape in ([batch, size], [size]))
    compare("broadcast matmul", broadcast_matmul, reference, (x, y))


if __name__ == "__main__":
    main()
