"""A matrix product that takes its last step from the caller: any function of the accumulator and its tiles.

The function is an argument. It is traced into the kernel, with the tensors that it captures as further arguments of
the compiled kernel: bias, residual, activation and quantisation all fuse without a kernel being written for each.
"""

from collections.abc import Callable

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, half_precision, pick

Epilogue = Callable[[torch.Tensor, tuple[hl.Tile, ...]], torch.Tensor]


@helion.kernel()
def matmul_epilogue(x: torch.Tensor, y: torch.Tensor, epilogue: Epilogue) -> torch.Tensor:
    """``epilogue(x @ y)``, fused; the function may read tensors that it captures."""
    m, k = x.size()
    k, n = y.size()
    out = torch.empty([m, n], dtype=x.dtype, device=x.device)
    for tile_m, tile_n in hl.tile([m, n]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(k):
            acc = torch.addmm(acc, x[tile_m, tile_k], y[tile_k, tile_n])
        out[tile_m, tile_n] = epilogue(acc, (tile_m, tile_n))
    return out


def matmul_bias_relu(x: torch.Tensor, y: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """``relu(x @ y + bias)`` in one kernel."""
    return matmul_epilogue(x, y, lambda acc, tiles: torch.relu(acc + bias[tiles[1]]))


def reference(x: torch.Tensor, y: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """The same by torch."""
    return torch.relu(x @ y + bias)


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    size, dtype = pick(gpu=4096, cpu=128), half_precision()
    x, y = (torch.randn(size, size, device=DEVICE).to(dtype) for _ in range(2))
    bias = torch.randn(size, device=DEVICE)
    compare("matmul with an epilogue", matmul_bias_relu, reference, (x, y, bias))


if __name__ == "__main__":
    main()
