"""Rows too long to hold: three ways to sum them, from letting the config decide to spelling it out.

1. ``sum_whole``: ``x[tile, :].sum(-1)``, as in ``sum.py``. With ``Config(reduction_loops=[4096])`` it walks along the
   row in steps of 4096; with ``[None]`` it holds it whole.
2. ``sum_in_steps``: the loop along the row written by hand, with one partial sum for each row.
3. ``sum_in_lanes``: as many partial sums as a step has columns, added up once, after the loop:

    step 1   ▒▒▒▒▒▒▒▒
    step 2   ▒▒▒▒▒▒▒▒      each column of steps goes into one lane,
    step 3   ▒▒▒▒▒▒▒▒
             ────────
    lanes    ▒▒▒▒▒▒▒▒ ──> sum    and lanes are added across threads just once
"""

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, pick


@helion.kernel()
def sum_whole(x: torch.Tensor) -> torch.Tensor:
    """``x.sum(-1)``; the config says whether rows are held or walked."""
    rows, _ = x.size()
    out = torch.empty([rows], dtype=x.dtype, device=x.device)
    for tile in hl.tile(rows):
        out[tile] = x[tile, :].sum(-1)
    return out


@helion.kernel()
def sum_in_steps(x: torch.Tensor) -> torch.Tensor:
    """``x.sum(-1)``, adding the sum of each step to one number for each row."""
    rows, columns = x.size()
    out = torch.empty([rows], dtype=x.dtype, device=x.device)
    for tile in hl.tile(rows):
        acc = hl.zeros([tile], dtype=torch.float32)
        for step in hl.tile(columns):
            acc += x[tile, step].sum(-1)
        out[tile] = acc
    return out


@helion.kernel()
def sum_in_lanes(x: torch.Tensor) -> torch.Tensor:
    """``x.sum(-1)``, adding whole steps and reducing at the end.

    The lanes exist before the loop that fills them, so its block size is registered by name.
    """
    rows, columns = x.size()
    out = torch.empty([rows], dtype=x.dtype, device=x.device)
    lanes = hl.register_block_size(columns)
    for tile in hl.tile(rows):
        acc = hl.zeros([tile, lanes], dtype=torch.float32)
        for step in hl.tile(columns, block_size=lanes):
            acc += hl.load(x, [tile, step])
        out[tile] = acc.sum(-1)
    return out


def reference(x: torch.Tensor) -> torch.Tensor:
    """The same by torch."""
    return x.sum(-1)


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    x = torch.randn(pick(gpu=64, cpu=5), pick(gpu=2**20, cpu=3001), device=DEVICE)
    for name, kernel in (
        ("held or walked", sum_whole),
        ("in steps", sum_in_steps),
        ("in lanes", sum_in_lanes),
    ):
        compare(f"long sum, {name}", kernel, reference, (x,))


if __name__ == "__main__":
    main()
