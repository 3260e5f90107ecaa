"""A matrix product with weights of four bits, unpacked in registers: two ways.

Two weights share a byte: rows 2i and 2i + 1 of the matrix are the low and the high half of row i of ``packed``.

    packed[i, j]   ┌────┬────┐        weight[2i, j]     = low, sign-extended
                   │high│low │        weight[2i + 1, j] = high
                   └────┴────┘

``int4_gemm`` puts the halves back into order (stack, then flatten) and multiplies by twice as many columns of x.
``int4_gemm_in_halves`` leaves them apart: even columns of x times low halves plus odd columns times high halves, which
is the same sum in another order. The first is faster: both halves of a byte are in one thread anyway, and it reads
whole rows of x, where the second reads every other number.
"""

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, half_precision, pick


@helion.kernel()
def int4_gemm(x: torch.Tensor, packed: torch.Tensor) -> torch.Tensor:
    """``x @ weight`` for ``[m, k]`` and ``[k / 2, n]`` packed int8, summed in float32."""
    m, _ = x.size()
    half_k, n = packed.size()
    out = torch.empty([m, n], dtype=x.dtype, device=x.device)
    block_k = hl.register_block_size(16, half_k)
    for tile_m, tile_n in hl.tile([m, n]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(half_k, block_size=block_k):
            both = packed[tile_k, tile_n]
            low = (both << 4) >> 4  # an arithmetic shift copies the sign
            high = both >> 4
            weight = torch.stack([low, high], dim=1).flatten(0, 1)
            begin = tile_k.begin * 2
            left = x[tile_m, begin : begin + block_k * 2]
            acc = hl.dot(left, weight.to(x.dtype), acc=acc)
        out[tile_m, tile_n] = acc
    return out


@helion.kernel()
def int4_gemm_in_halves(x: torch.Tensor, packed: torch.Tensor) -> torch.Tensor:
    """The same as two products of half the depth."""
    m, k = x.size()
    half_k, n = packed.size()
    out = torch.empty([m, n], dtype=x.dtype, device=x.device)
    pairs = x.view(m, k // 2, 2)
    for tile_m, tile_n in hl.tile([m, n]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(half_k):
            both = packed[tile_k, tile_n]
            low, high = ((both << 4) >> 4).to(x.dtype), (both >> 4).to(x.dtype)
            acc = hl.dot(pairs[tile_m, tile_k, 0], low, acc=acc)
            acc = hl.dot(pairs[tile_m, tile_k, 1], high, acc=acc)
        out[tile_m, tile_n] = acc
    return out


def pack(weight: torch.Tensor) -> torch.Tensor:
    """``[k / 2, n]`` int8 of ``[k, n]`` integers from -8 to 7."""
    low, high = weight[0::2], weight[1::2]
    return ((high << 4) | (low & 0xF)).to(torch.int8)


def reference(x: torch.Tensor, packed: torch.Tensor) -> torch.Tensor:
    """The same by torch, with the weights unpacked in memory."""
    halves = torch.stack([(packed << 4) >> 4, packed >> 4], dim=1)
    return x @ halves.flatten(0, 1).to(x.dtype)


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    m, k, n = pick(gpu=1024, cpu=33), pick(gpu=4096, cpu=96), pick(gpu=4096, cpu=40)
    x = torch.randn(m, k, device=DEVICE).to(half_precision())
    packed = pack(torch.randint(-8, 8, (k, n), device=DEVICE))
    for kernel in (int4_gemm, int4_gemm_in_halves):
        compare(kernel.name, kernel, reference, (x, packed))


if __name__ == "__main__":
    main()
