"""Means over rows of different lengths, where items also use different numbers of features.

The walk along the rows is written out here: the bound of the inner loop is a number of the tile itself, the longest of
its items, and a mask built from positions says which lanes exist. ``hl.load`` takes that mask as ``extra_mask``, on top
of the bounds that tiles have anyway; lanes it leaves out read as 0.
"""

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, pick


@helion.kernel()
def jagged_mean(data: torch.Tensor, offsets: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
    """The mean of each item's rows, 0 beyond the item's features and for an empty item.

    Args:
        data: ``[total rows, most features]``.
        offsets: ``[items + 1]`` integers.
        features: ``[items]`` integers, how many features each item uses.
    """
    items = offsets.size(0) - 1
    most = data.size(1)
    out = torch.zeros([items, most], dtype=data.dtype, device=data.device)
    flat = data.view(-1)
    for tile_b in hl.tile(items):
        begins = offsets[tile_b]
        lengths = offsets[tile_b.index + 1] - begins
        longest = lengths.amax()
        used = features[tile_b]
        for tile_f in hl.tile(used.amax()):
            wanted = tile_f.index[None, :] < used[:, None]
            total = hl.zeros([tile_b, tile_f], dtype=torch.float32)
            for tile_k in hl.tile(longest):
                row = begins[:, None] + tile_k.index[None, :]
                exists = tile_k.index[None, :] < lengths[:, None]
                values = hl.load(
                    flat,
                    [row[:, :, None] * most + tile_f.index[None, None, :]],
                    extra_mask=exists[:, :, None] & wanted[:, None, :],
                )
                total = total + values.to(torch.float32).sum(dim=1)
            count = torch.where(lengths > 0, lengths, 1).to(torch.float32)
            out[tile_b, tile_f] = torch.where(wanted, total / count[:, None], 0.0)
    return out


def reference(data: torch.Tensor, offsets: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
    """The same by torch, one item after the other."""
    out = data.new_zeros(offsets.size(0) - 1, data.size(1))
    for number, item in enumerate(torch.split(data, torch.diff(offsets).tolist())):
        used = int(features[number])
        if item.size(0):
            out[number, :used] = item[:, :used].mean(dim=0)
    return out


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    items, most = pick(gpu=512, cpu=9), pick(gpu=128, cpu=17)
    lengths = torch.randint(0, pick(gpu=1000, cpu=20), (items,))
    offsets = torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)]).to(DEVICE)
    data = torch.randn(int(lengths.sum()), most, device=DEVICE)
    features = torch.randint(1, most + 1, (items,), device=DEVICE)
    compare("jagged mean", jagged_mean, reference, (data, offsets, features))


if __name__ == "__main__":
    main()
