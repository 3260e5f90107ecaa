"""A linear recurrence, h[t] = a[t] h[t - 1] + b[t], by a scan: long sequences in parallel.

Two steps combine into one of the same form, (a₂, b₂) after (a₁, b₁) is (a₁ a₂, a₂ b₁ + b₂), and that is associative: a
scan over pairs gives every position of a tile at once. From tile to tile, the last h is carried along:

    tile 0   scan ─> h₀ … h₁₅ ─┐
    tile 1   scan ─> … + a … a × h₁₅ ─┐
    tile 2   scan ─> …
"""

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, pick


def one_after_the_other(
    a1: torch.Tensor, b1: torch.Tensor, a2: torch.Tensor, b2: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Two steps as one."""
    return a1 * a2, a2 * b1 + b2


@helion.kernel()
def linear_recurrence(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """``h`` for ``[rows, length]`` factors and summands, from h = 0 before the first."""
    rows, length = a.size()
    out = torch.empty_like(b)
    for tile_m in hl.tile(rows):
        carried = hl.zeros([tile_m], dtype=torch.float32)
        for tile_t in hl.tile(length):
            factors = a[tile_m, tile_t].to(torch.float32)
            summands = b[tile_m, tile_t].to(torch.float32)
            scales, sums = hl.associative_scan(one_after_the_other, (factors, summands), dim=1)
            h = sums + scales * carried[:, None]
            out[tile_m, tile_t] = h
            is_last = tile_t.index == tile_t.end - 1
            carried = torch.where(is_last[None, :], h, 0.0).sum(dim=1)
    return out


def reference(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """The same by torch, step by step."""
    h, steps = b.new_zeros(b.size(0)), []
    for factor, summand in zip(a.unbind(1), b.unbind(1), strict=True):
        h = factor * h + summand
        steps.append(h)
    return torch.stack(steps, dim=1)


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    shape = pick(gpu=1024, cpu=5), pick(gpu=2048, cpu=70)
    args = torch.rand(shape, device=DEVICE), torch.randn(shape, device=DEVICE)
    compare("linear recurrence", linear_recurrence, reference, args)


if __name__ == "__main__":
    main()
