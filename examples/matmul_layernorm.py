"""A matrix product and the layer normalisation of its rows, without the product in memory.

A row has to be complete before it is normalised, so each program computes whole rows: tiles of ``[rows, n]``, with n
a constant of the compiled kernel.
"""

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, half_precision, pick


@helion.kernel()
def matmul_layernorm(
    x: torch.Tensor, y: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, eps: float = 1e-5
) -> torch.Tensor:
    """``layer_norm(x @ y)`` for ``[m, k]`` and ``[k, n]``, with ``[n]`` weights and biases."""
    m, k = x.size()
    n = hl.specialize(y.size(1))
    out = torch.empty([m, n], dtype=x.dtype, device=x.device)
    for tile_m in hl.tile(m):
        acc = hl.zeros([tile_m, n], dtype=torch.float32)
        for tile_k in hl.tile(k):
            acc += torch.mm(x[tile_m, tile_k], y[tile_k, :], out_dtype=torch.float32)
        variance, mean = torch.var_mean(acc, dim=-1, keepdim=True, correction=0)
        normalised = (acc - mean) * torch.rsqrt(variance + eps)
        out[tile_m, :] = normalised * weight[:].to(torch.float32) + bias[:].to(torch.float32)
    return out


def reference(
    x: torch.Tensor, y: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor
) -> torch.Tensor:
    """The same by torch."""
    return torch.nn.functional.layer_norm(x @ y, [y.size(1)], weight, bias)


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    m, k, n = pick(gpu=8192, cpu=37), pick(gpu=1024, cpu=70), pick(gpu=256, cpu=50)
    shapes = [m, k], [k, n], [n], [n]
    args = [torch.randn(shape, device=DEVICE).to(half_precision()) for shape in shapes]
    compare("matmul and layer norm", matmul_layernorm, reference, args)


if __name__ == "__main__":
    main()
