"""Layer normalisation of each item of a jagged tensor, over all of its rows and features at once.

Three walks: mean, variance around that mean, and result. ``hl.jagged_tile`` masks what an item does not have, so sums
just add; where a value that is masked would become something else, such as the squared distance to the mean, the sum
still leaves it out.
"""

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, pick


@helion.kernel()
def jagged_layer_norm(data: torch.Tensor, offsets: torch.Tensor, eps: float = 1e-6) -> torch.Tensor:
    """Each item less its mean, over its standard deviation.

    Args:
        data: ``[total rows, features]``.
        offsets: ``[items + 1]`` integers.
        eps: added to the variance.
    """
    items = offsets.size(0) - 1
    _, features = data.size()
    out = torch.empty_like(data)
    for tile_b in hl.tile(items):
        begins = offsets[tile_b]
        lengths = offsets[tile_b.index + 1] - begins
        count = torch.where(lengths > 0, lengths, 1).to(torch.float32) * features
        total = hl.zeros([tile_b], dtype=torch.float32)
        for tile_k in hl.jagged_tile(lengths):
            row = begins[:, None] + tile_k.index[None, :]
            total = total + data[row, :].to(torch.float32).sum(dim=-1).sum(dim=-1)
        mean = total / count
        squares = hl.zeros([tile_b], dtype=torch.float32)
        for tile_k in hl.jagged_tile(lengths):
            row = begins[:, None] + tile_k.index[None, :]
            apart = data[row, :].to(torch.float32) - mean[:, None, None]
            squares = squares + (apart * apart).sum(dim=-1).sum(dim=-1)
        rstd = torch.rsqrt(squares / count + eps)
        for tile_k in hl.jagged_tile(lengths):
            row = begins[:, None] + tile_k.index[None, :]
            apart = data[row, :].to(torch.float32) - mean[:, None, None]
            out[row, :] = apart * rstd[:, None, None]
    return out


def reference(data: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
    """The same by torch, one item after the other."""
    items = torch.split(data, torch.diff(offsets).tolist())
    return torch.cat(
        [
            torch.nn.functional.layer_norm(item, item.shape, eps=1e-6) if item.size(0) else item
            for item in items
        ]
    )


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    lengths = torch.randint(0, pick(gpu=1000, cpu=20), (pick(gpu=512, cpu=9),))
    offsets = torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)]).to(DEVICE)
    data = torch.randn(int(lengths.sum()), pick(gpu=128, cpu=17), device=DEVICE)
    compare("jagged layer norm", jagged_layer_norm, reference, (data, offsets))


if __name__ == "__main__":
    main()
