"""A matrix product of bfloat16 and int16: integers are converted in registers, tile by tile.

Tensor cores take operands of one dtype. Converting the weights beforehand would cost a pass over memory and a second
copy; here they stay int16 in memory and become the dtype of x on the way. Either side may be the integer one.
"""

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, half_precision, pick


@helion.kernel()
def mixed_gemm(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """``x @ y`` for ``[m, k]`` and ``[k, n]``, one of them floating, the other int16; of the floating dtype."""
    m, k = x.size()
    _, n = y.size()
    dtype = x.dtype if x.is_floating_point() else y.dtype
    out = torch.empty([m, n], dtype=dtype, device=x.device)
    for tile_m, tile_n in hl.tile([m, n]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(k):
            left, right = x[tile_m, tile_k].to(dtype), y[tile_k, tile_n].to(dtype)
            acc = hl.dot(left, right, acc=acc)
        out[tile_m, tile_n] = acc.to(dtype)
    return out


def reference(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The same by torch, which converts in memory."""
    dtype = x.dtype if x.is_floating_point() else y.dtype
    return x.to(dtype) @ y.to(dtype)


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    size = pick(gpu=4096, cpu=96)
    x = torch.randn(size, size, device=DEVICE).to(half_precision())
    y = torch.randint(-256, 256, (size, size), dtype=torch.int16, device=DEVICE)
    compare("bf16 × int16", mixed_gemm, reference, (x, y))
    compare("int16 × bf16", mixed_gemm, reference, (y, x))


if __name__ == "__main__":
    main()
