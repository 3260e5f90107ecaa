"""A matrix product in MXFP8: eight-bit floats with a power of two for every 32 of them along k.

``hl.dot_scaled`` multiplies blocks together with their scales, in hardware where there is such (Blackwell), otherwise
with conversions. Scales are bytes e for 2^(e - 127); those of y come with its columns first, as the instruction takes
them:

    x        [m, k]          y        [k, n]
    scale_x  [m, k / 32]     scale_y  [n, k / 32]
"""

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, pick

BLOCK = 32


@helion.kernel()
def mxfp8_gemm(
    x: torch.Tensor, scale_x: torch.Tensor, y: torch.Tensor, scale_y: torch.Tensor
) -> torch.Tensor:
    """The product of the scaled matrices as float32; k is a multiple of 32."""
    m, k = x.size()
    _, n = y.size()
    out = torch.empty([m, n], dtype=torch.float32, device=x.device)
    blocks = x.view(m, k // BLOCK, BLOCK), y.view(k // BLOCK, BLOCK, n)
    for tile_m, tile_n in hl.tile([m, n]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_b in hl.tile(k // BLOCK):
            acc = hl.dot_scaled(
                blocks[0][tile_m, tile_b, :].flatten(1, 2),
                scale_x[tile_m, tile_b],
                "e4m3",
                blocks[1][tile_b, :, tile_n].flatten(0, 1),
                scale_y[tile_n, tile_b],
                "e4m3",
                acc=acc,
            )
        out[tile_m, tile_n] = acc
    return out


def quantise(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """``[rows, k]`` as float8 and bytes of scales, ``[rows, k / 32]``."""
    blocks = values.float().view(values.size(0), -1, BLOCK)
    largest = blocks.abs().amax(dim=-1, keepdim=True).clamp(min=1e-30)
    exponent = torch.ceil(torch.log2(largest / 448.0)).clamp(-127, 127)
    out = (blocks * torch.exp2(-exponent)).to(torch.float8_e4m3fn)
    return out.view(values.shape), (exponent + 127).squeeze(-1).to(torch.uint8)


def reference(
    x: torch.Tensor, scale_x: torch.Tensor, y: torch.Tensor, scale_y: torch.Tensor
) -> torch.Tensor:
    """The same by torch, in float32."""
    factors = [
        torch.exp2(scale.float() - 127).repeat_interleave(BLOCK, dim=1)
        for scale in (scale_x, scale_y)
    ]
    return (x.float() * factors[0]) @ (y.float() * factors[1].T)


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    m, k, n = pick(gpu=4096, cpu=33), pick(gpu=4096, cpu=96), pick(gpu=4096, cpu=40)
    x, scale_x = quantise(torch.randn(m, k, device=DEVICE))
    y, scale_y = quantise(torch.randn(n, k, device=DEVICE))
    args = x, scale_x, y.T.contiguous(), scale_y
    compare("MXFP8 matmul", mxfp8_gemm, reference, args)


if __name__ == "__main__":
    main()
