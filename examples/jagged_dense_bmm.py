"""Each item of a jagged tensor times a dense matrix of its own, with an optional bias.

One program for each item and tile of columns: the item's rows begin and end where ``offsets`` says, and
``hl.tile(begin, end)`` walks exactly there. Whether there is a bias is known when the kernel is compiled: a tensor that
may be None is tested with a plain ``if``.
"""

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, half_precision, pick


@helion.kernel()
def jagged_dense_bmm(
    jagged: torch.Tensor, offsets: torch.Tensor, dense: torch.Tensor, bias: torch.Tensor | None
) -> torch.Tensor:
    """``jagged[item] @ dense[item] + bias[item]``, with the rows of ``jagged``.

    Args:
        jagged: ``[total rows, k]``.
        offsets: ``[items + 1]`` integers.
        dense: ``[items, k, n]``.
        bias: ``[items, n]`` or None.
    """
    rows, k = jagged.size()
    items, _, n = dense.size()
    out = torch.empty([rows, n], dtype=jagged.dtype, device=jagged.device)
    for tile_b, tile_n in hl.tile([items, n], block_size=[1, None]):
        item = tile_b.begin
        begin, end = offsets[item], offsets[item + 1]
        for tile_m in hl.tile(begin, end):
            acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
            for tile_k in hl.tile(k):
                acc = hl.dot(jagged[tile_m, tile_k], dense[item, tile_k, tile_n], acc=acc)
            if bias is not None:
                acc = acc + bias[item, tile_n].to(torch.float32)
            out[tile_m, tile_n] = acc
    return out


def reference(
    jagged: torch.Tensor, offsets: torch.Tensor, dense: torch.Tensor, bias: torch.Tensor | None
) -> torch.Tensor:
    """The same by torch, one item after the other."""
    products = [
        item @ dense[number] + (0 if bias is None else bias[number])
        for number, item in enumerate(torch.split(jagged, torch.diff(offsets).tolist()))
    ]
    return torch.cat(products)


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    items, k, n = pick(gpu=64, cpu=4), pick(gpu=256, cpu=33), pick(gpu=256, cpu=35)
    lengths = torch.randint(0, pick(gpu=1000, cpu=30), (items,))
    offsets = torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)]).to(DEVICE)
    shapes = [int(lengths.sum()), k], [items, k, n], [items, n]
    jagged, dense, bias = (
        torch.randn(shape, device=DEVICE).to(half_precision()) for shape in shapes
    )
    compare("jagged bmm", jagged_dense_bmm, reference, (jagged, offsets, dense, None))
    compare("jagged bmm, bias", jagged_dense_bmm, reference, (jagged, offsets, dense, bias))


if __name__ == "__main__":
    main()
