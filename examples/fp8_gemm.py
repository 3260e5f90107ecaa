"""A matrix product of eight-bit floats, with one scale for each row of x and each column of y.

The tensor cores multiply float8 and add in float32; scales do not depend on k, so they are applied once, after the
loop. They come as ``[m, 1]`` and ``[1, n]``: a dimension of size 1 subscripted by ``:`` broadcasts like in torch.
"""

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, pick


@helion.kernel()
def fp8_gemm(
    x: torch.Tensor, y: torch.Tensor, scale_x: torch.Tensor, scale_y: torch.Tensor
) -> torch.Tensor:
    """``(x * scale_x) @ (y * scale_y)`` as bfloat16.

    Args:
        x: ``[m, k]``, float8_e4m3fn.
        y: ``[k, n]``, float8_e4m3fn.
        scale_x: ``[m, 1]``, float32.
        scale_y: ``[1, n]``, float32.
    """
    m, k = x.size()
    _, n = y.size()
    out = torch.empty([m, n], dtype=torch.bfloat16, device=x.device)
    for tile_m, tile_n in hl.tile([m, n]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(k):
            acc = hl.dot(x[tile_m, tile_k], y[tile_k, tile_n], acc=acc)
        out[tile_m, tile_n] = acc * scale_x[tile_m, :] * scale_y[:, tile_n]
    return out


def quantise(values: torch.Tensor, dim: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Float8 values and the scales, along ``dim``, that map the largest of each line to the largest float8."""
    largest = values.abs().amax(dim=dim, keepdim=True).clamp(min=1e-12).float()
    scale = largest / torch.finfo(torch.float8_e4m3fn).max
    return (values / scale).to(torch.float8_e4m3fn), scale


def reference(
    x: torch.Tensor, y: torch.Tensor, scale_x: torch.Tensor, scale_y: torch.Tensor
) -> torch.Tensor:
    """The same by torch, in float32."""
    return (x.to(scale_x.dtype) * scale_x) @ (y.to(scale_y.dtype) * scale_y)


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    m, k, n = pick(gpu=4096, cpu=33), pick(gpu=4096, cpu=96), pick(gpu=4096, cpu=40)
    x, scale_x = quantise(torch.randn(m, k, device=DEVICE), dim=1)
    y, scale_y = quantise(torch.randn(n, k, device=DEVICE), dim=1)
    compare("fp8 matmul", fp8_gemm, reference, (x, y.T, scale_x, scale_y.T))


if __name__ == "__main__":
    main()
