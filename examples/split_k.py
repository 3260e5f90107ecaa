"""A matrix product with few tiles and long sums: programs share the sum and add their parts by atomics.

With m and n small, there are fewer tiles than a GPU has processors. Here k is an axis of the grid as well, in as many
pieces as the config says (a tunable of the kernel's own), and each program adds its part to the result:

    x ┌───┬───┬───┐     y ┌───┐      program 0:  x₀ y₀ ──┐
      │ 0 │ 1 │ 2 │       │ 0 │      program 1:  x₁ y₁ ──┼─ atomic_add ─> out
      └───┴───┴───┘       │ 1 │      program 2:  x₂ y₂ ──┘
                          │ 2 │
                          └───┘

The epilogue must be added exactly once: by the program whose piece begins at 0.
"""

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, half_precision, pick
from helion.autotuner import PowerOfTwoFragment


@helion.kernel()
def split_k(x: torch.Tensor, y: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """``x @ y + bias`` for ``[m, k]``, ``[k, n]`` and ``[n]``, in float32, for parts must not be rounded."""
    m, k = x.size()
    _, n = y.size()
    out = torch.zeros([m, n], dtype=torch.float32, device=x.device)
    pieces = hl.register_tunable("split_k", PowerOfTwoFragment(1, 256, 4))
    block_k = helion.next_power_of_2(helion.cdiv(k, pieces))
    for tile_m, tile_n, piece in hl.tile([m, n, k], block_size=[None, None, block_k]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(piece.begin, piece.end):
            acc = torch.addmm(acc, x[tile_m, tile_k], y[tile_k, tile_n])
        if piece.begin == 0:
            acc = acc + bias[tile_n].to(torch.float32)
        hl.atomic_add(out, [tile_m, tile_n], acc)
    return out


def reference(x: torch.Tensor, y: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """The same by torch."""
    return x @ y + bias


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    m, n, k = pick(gpu=64, cpu=33), pick(gpu=64, cpu=33), pick(gpu=32768, cpu=130)
    dtype = half_precision()
    x, y = torch.randn(m, k, device=DEVICE).to(dtype), torch.randn(k, n, device=DEVICE).to(dtype)
    bias = torch.randn(n, device=DEVICE).to(dtype)
    compare("split-K matmul", split_k, reference, (x, y, bias), tolerance=1e-2)


if __name__ == "__main__":
    main()
