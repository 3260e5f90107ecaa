"""Softmax down the rows of each item of a jagged tensor, in two walks.

The first walk keeps each item's maximum and sum of exponentials, online as in ``softmax.py``, feature by feature; the
second writes the quotients back to where they came from, a store through computed positions.
"""

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, pick


@helion.kernel()
def jagged_softmax(data: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
    """Softmax over the rows of each item.

    Args:
        data: ``[total rows, features]``.
        offsets: ``[items + 1]`` integers.
    """
    items = offsets.size(0) - 1
    rows, features = data.size()
    out = torch.empty([rows * features], dtype=data.dtype, device=data.device)
    flat = data.view(-1)
    for tile_b, tile_f in hl.tile([items, features]):
        begins = offsets[tile_b]
        lengths = offsets[tile_b.index + 1] - begins
        longest = lengths.amax()
        largest = hl.full([tile_b, tile_f], float("-inf"), dtype=torch.float32)
        total = hl.zeros([tile_b, tile_f], dtype=torch.float32)
        for tile_k in hl.tile(longest):
            exists = (tile_k.index[None, :] < lengths[:, None])[:, :, None]
            row = begins[:, None] + tile_k.index[None, :]
            place = row[:, :, None] * features + tile_f.index[None, None, :]
            values = hl.load(flat, [place], extra_mask=exists).to(torch.float32)
            values = torch.where(exists, values, float("-inf"))
            grown = torch.maximum(largest, values.amax(dim=1))
            # An empty item has no finite maximum; nothing of it is read or written.
            base = torch.where(grown == float("-inf"), 0.0, grown)
            shrink = torch.exp(largest - base)
            total = total * shrink + torch.exp(values - base[:, None, :]).sum(dim=1)
            largest = grown
        for tile_k in hl.tile(longest):
            exists = (tile_k.index[None, :] < lengths[:, None])[:, :, None]
            row = begins[:, None] + tile_k.index[None, :]
            place = row[:, :, None] * features + tile_f.index[None, None, :]
            values = hl.load(flat, [place], extra_mask=exists).to(torch.float32)
            result = torch.exp(values - largest[:, None, :]) / total[:, None, :]
            hl.store(out, [place], result.to(out.dtype), extra_mask=exists)
    return out.view(rows, features)


def reference(data: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
    """The same by torch, one item after the other."""
    lengths = torch.diff(offsets)
    return torch.cat([torch.softmax(item, dim=0) for item in torch.split(data, lengths.tolist())])


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    lengths = torch.randint(0, pick(gpu=1000, cpu=20), (pick(gpu=512, cpu=9),))
    offsets = torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)]).to(DEVICE)
    data = torch.randn(int(lengths.sum()), pick(gpu=128, cpu=17), device=DEVICE)
    compare("jagged softmax", jagged_softmax, reference, (data, offsets))


if __name__ == "__main__":
    main()
