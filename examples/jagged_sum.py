"""Sums over rows of different lengths, packed one after the other.

A jagged tensor is a dense one with a list of offsets: rows ``offsets[i]`` to ``offsets[i + 1]`` of the data belong to
item i. A program takes several items and walks as far as the longest of them goes; ``hl.jagged_tile`` knows the length
of each, and masks every item's lanes beyond its own end.

    lengths 2 4 1      item 0   ▒▒ ▒▒ ·· ··
                       item 1   ▒▒ ▒▒ ▒▒ ▒▒     one step of the walk is one column of this picture
                       item 2   ▒▒ ·· ·· ··
"""

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, pick


@helion.kernel()
def jagged_sum(data: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
    """The sum of each item's rows, ``[items, features]``, 0 for an empty item.

    Args:
        data: ``[total rows, features]``.
        offsets: ``[items + 1]`` integers.
    """
    items = offsets.size(0) - 1
    _, features = data.size()
    out = torch.empty([items, features], dtype=data.dtype, device=data.device)
    for tile_b, tile_f in hl.tile([items, features]):
        begins = offsets[tile_b]
        lengths = offsets[tile_b.index + 1] - begins
        acc = hl.zeros([tile_b, tile_f], dtype=torch.float32)
        for tile_k in hl.jagged_tile(lengths):
            row = begins[:, None] + tile_k.index[None, :]
            acc = acc + data[row, tile_f].to(torch.float32).sum(dim=1)
        out[tile_b, tile_f] = acc
    return out


def reference(data: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
    """The same by torch, one item after the other."""
    lengths = torch.diff(offsets)
    return torch.stack([item.sum(dim=0) for item in torch.split(data, lengths.tolist())])


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    lengths = torch.randint(0, pick(gpu=1000, cpu=20), (pick(gpu=512, cpu=9),))
    offsets = torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)]).to(DEVICE)
    data = torch.randn(int(lengths.sum()), pick(gpu=128, cpu=17), device=DEVICE)
    compare("jagged sum", jagged_sum, reference, (data, offsets))


if __name__ == "__main__":
    main()
