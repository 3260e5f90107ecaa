"""Matrix products of groups of different heights, packed one after the other: twice, plainly and in balance.

Rows ``offsets[g]`` to ``offsets[g + 1]`` belong to group g:

    packed   ┌──────────┐ 0           weight
             │ group 0  │             ┌──────┐
             ├──────────┤ offsets[1]  │ one  │     out has the rows of packed,
             │ group 1  │             │ for  │     each times the weight of its group
             │          │             │ each │
             └──────────┘ offsets[2]  └──────┘

The first kernel has one program for each group (and tile of columns), which takes long where a group is tall. The
second has as many programs as the config says; each takes every so-many-th tile of all groups' tiles, so that all have
the same to do. Both read where groups begin and end from memory: bounds of loops may be data.
"""

import itertools

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, half_precision, pick
from helion.autotuner import PowerOfTwoFragment


@helion.kernel()
def grouped_gemm(packed: torch.Tensor, weight: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
    """Each group's rows times its own matrix.

    Args:
        packed: ``[total rows, k]``.
        weight: ``[groups, k, n]``.
        offsets: ``[groups + 1]`` integers, from 0 to the total number of rows.
    """
    rows, k = packed.size()
    groups, _, n = weight.size()
    out = torch.empty([rows, n], dtype=packed.dtype, device=packed.device)
    for group in hl.grid(groups):
        begin, end = offsets[group], offsets[group + 1]
        for tile_m, tile_n in hl.tile([begin, 0], [end, n]):
            acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
            for tile_k in hl.tile(k):
                acc = torch.addmm(acc, packed[tile_m, tile_k], weight[group, tile_k, tile_n])
            out[tile_m, tile_n] = acc
    return out


@helion.kernel()
def grouped_gemm_balanced(
    packed: torch.Tensor, weight: torch.Tensor, offsets: torch.Tensor
) -> torch.Tensor:
    """The same by a fixed number of workers."""
    rows, k = packed.size()
    groups, _, n = weight.size()
    out = torch.empty([rows, n], dtype=packed.dtype, device=packed.device)
    workers = hl.register_tunable("workers", PowerOfTwoFragment(1, 1024, 128))
    block_m, block_n = hl.register_block_size(16, 128), hl.register_block_size(16, 128)
    for worker in hl.grid(workers):
        before = torch.zeros([], dtype=offsets.dtype, device=offsets.device)  # of earlier groups
        for group in hl.grid(groups):
            begin, end = offsets[group], offsets[group + 1]
            tiles_n = helion.cdiv(n, block_n)
            tiles = (end - begin + block_m - 1) // block_m * tiles_n
            # The first tile of this group whose number over all groups is this worker's, modulo workers.
            first = (worker - before % workers + workers) % workers
            for tile in hl.grid(first, tiles, step=workers):
                row = begin + tile // tiles_n * block_m + hl.arange(block_m)
                column = tile % tiles_n * block_n + hl.arange(block_n)
                inside = (row < end)[:, None]
                acc = hl.zeros([block_m, block_n], dtype=torch.float32)
                for tile_k in hl.tile(k):
                    left = hl.load(packed, [row, tile_k], extra_mask=inside)
                    right = hl.load(
                        weight, [group, tile_k, column], extra_mask=(column < n)[None, :]
                    )
                    acc = torch.addmm(acc, left, right)
                here = inside & (column < n)[None, :]
                hl.store(out, [row[:, None], column[None, :]], acc.to(out.dtype), extra_mask=here)
            before = before + tiles
    return out


def reference(packed: torch.Tensor, weight: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
    """The same by torch, one group after the other."""
    bounds = offsets.tolist()
    pieces = [
        packed[begin:end] @ weight[group]
        for group, (begin, end) in enumerate(itertools.pairwise(bounds))
    ]
    return torch.cat(pieces)


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    groups, tallest, dtype = pick(gpu=32, cpu=4), pick(gpu=2048, cpu=40), half_precision()
    heights = torch.randint(0, tallest, (groups,))
    offsets = torch.cat([torch.zeros(1, dtype=torch.int64), heights.cumsum(0)]).to(DEVICE)
    k, n = pick(gpu=1024, cpu=50), pick(gpu=1024, cpu=35)
    packed = torch.randn(int(heights.sum()), k, device=DEVICE).to(dtype)
    weight = torch.randn(groups, k, n, device=DEVICE).to(dtype)
    for kernel in (grouped_gemm, grouped_gemm_balanced):
        compare(kernel.name, kernel, reference, (packed, weight, offsets))


if __name__ == "__main__":
    main()
