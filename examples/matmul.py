"""Matrix product: an outer tile loop over the result, an inner one over the summed dimension.

             n                 Each program computes one tile of the result:
          ┌─────┬──┬────┐      it walks along k, and adds the product of
          │     │▒▒│    │ k    a tile of x and a tile of y to its
          └─────┴──┴────┘      accumulator.
   k
┌─────┐   ┌─────┬──┬────┐      `addmm` of a float32 accumulator and
├─────┤   ├─────┼──┼────┤      half-precision tiles becomes one
│▒▒▒▒▒│   │     │▓▓│    │ m    tensor-core instruction after the other;
├─────┤   ├─────┼──┼────┤      the result is rounded once, when it is
└─────┘   └─────┴──┴────┘      stored.
"""

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, half_precision, pick


@helion.kernel()
def matmul(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """``x @ y`` for ``[m, k]`` and ``[k, n]``, summed in float32."""
    m, k = x.size()
    k, n = y.size()
    out = torch.empty([m, n], dtype=x.dtype, device=x.device)
    for tile_m, tile_n in hl.tile([m, n]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(k):
            acc = torch.addmm(acc, x[tile_m, tile_k], y[tile_k, tile_n])
        out[tile_m, tile_n] = acc
    return out


def reference(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The same by torch."""
    return x @ y


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    size, dtype = pick(gpu=4096, cpu=128), half_precision()
    x, y = (torch.randn(size, size, device=DEVICE).to(dtype) for _ in range(2))
    compare("matmul", matmul, reference, (x, y))


if __name__ == "__main__":
    main()
