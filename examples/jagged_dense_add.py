"""A jagged tensor plus a dense one: item i has the first ``lengths[i]`` columns of row i.

Each row has a length of its own, read from memory: it bounds the inner loop, and a second loop copies the rest of the
dense row. A program takes one row, so the bound is a number, not one for each lane.

    jagged  ▒▒▒▒▒      + dense  □□□□□□□□  =  ■■■■■□□□
            ▒▒                  □□□□□□□□     ■■□□□□□□
"""

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, pick


@helion.kernel()
def jagged_dense_add(
    data: torch.Tensor, offsets: torch.Tensor, dense: torch.Tensor
) -> torch.Tensor:
    """The dense sum, ``[items, columns]``.

    Args:
        data: ``[total]``.
        offsets: ``[items + 1]`` integers; no item is longer than a row of ``dense``.
        dense: ``[items, columns]``.
    """
    items, columns = dense.size()
    out = torch.empty_like(dense)
    for item in hl.grid(items):
        begin = offsets[item]
        length = offsets[item + 1] - begin
        for tile in hl.tile(0, length):
            out[item, tile] = dense[item, tile] + data[begin + tile.index]
        for tile in hl.tile(length, columns):
            out[item, tile] = dense[item, tile]
    return out


def reference(data: torch.Tensor, offsets: torch.Tensor, dense: torch.Tensor) -> torch.Tensor:
    """The same by torch, one item after the other."""
    out = dense.clone()
    for number, item in enumerate(torch.split(data, torch.diff(offsets).tolist())):
        out[number, : item.size(0)] += item
    return out


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    items, columns = pick(gpu=512, cpu=9), pick(gpu=5000, cpu=30)
    lengths = torch.randint(0, columns + 1, (items,))
    offsets = torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)]).to(DEVICE)
    data = torch.randn(int(lengths.sum()), device=DEVICE)
    dense = torch.randn(items, columns, device=DEVICE)
    compare("jagged plus dense", jagged_dense_add, reference, (data, offsets, dense))


if __name__ == "__main__":
    main()
