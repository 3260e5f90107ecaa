"""Attention of HSTU on a jagged batch: SiLU instead of softmax, causal, items of different lengths.

The weight of a key is silu(score) / N, each by itself, so there is nothing to rescale (Zhai et al., 2024). The grid is
laid over the longest item; a program whose queries lie beyond the end of its item has nothing to do and skips
everything, by an ``if`` on a number read from memory.
"""

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, half_precision, pick


@helion.kernel()
def hstu_attention(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, offsets: torch.Tensor, most: int
) -> torch.Tensor:
    """Causal attention within each item, by SiLU.

    Args:
        q: queries, ``[total positions, heads, depth]``.
        k: keys, alike.
        v: values, alike.
        offsets: ``[items + 1]`` integers.
        most: the length of the longest item.
    """
    _, heads, depth = q.size()
    items = offsets.size(0) - 1
    depth = hl.specialize(depth)
    out = torch.empty_like(v)
    for tile_b, tile_h, tile_q in hl.tile([items, heads, most], block_size=[1, 1, None]):
        begin, end = offsets[tile_b.begin], offsets[tile_b.begin + 1]
        length = end - begin
        head = tile_h.begin
        if tile_q.begin < length:
            wanted = (tile_q.index < length)[:, None]
            query = hl.load(q, [begin + tile_q.index, head, slice(None)], extra_mask=wanted)
            acc = hl.zeros([tile_q, depth], dtype=torch.float32)
            for tile_k in hl.tile(0, torch.clamp(length, max=tile_q.end)):
                key = k[begin + tile_k.index, head, :]
                value = v[begin + tile_k.index, head, :]
                scores = hl.dot(query, key.T)
                weights = torch.nn.functional.silu(scores) / most
                before = tile_q.index[:, None] >= tile_k.index[None, :]
                weights = torch.where(before, weights, 0.0)
                acc = hl.dot(weights.to(value.dtype), value, acc=acc)
            hl.store(
                out,
                [begin + tile_q.index, head, slice(None)],
                acc.to(out.dtype),
                extra_mask=wanted,
            )
    return out


def reference(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, offsets: torch.Tensor, most: int
) -> torch.Tensor:
    """The same by torch, one item after the other."""
    lengths = torch.diff(offsets).tolist()
    outs = []
    for one in zip(*(torch.split(tensor, lengths) for tensor in (q, k, v)), strict=True):
        query, key, value = (tensor.transpose(0, 1) for tensor in one)
        weights = torch.nn.functional.silu(query @ key.mT) / most
        outs.append((torch.tril(weights) @ value).transpose(0, 1))
    return torch.cat(outs)


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    items, most = pick(gpu=128, cpu=4), pick(gpu=512, cpu=40)
    lengths = torch.randint(1, most + 1, (items,))
    offsets = torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)]).to(DEVICE)
    shape = [int(lengths.sum()), pick(gpu=4, cpu=2), pick(gpu=64, cpu=16)]
    q, k, v = (torch.randn(shape, device=DEVICE).to(half_precision()) for _ in range(3))
    compare("HSTU attention", hstu_attention, reference, (q, k, v, offsets, int(lengths.max())))


if __name__ == "__main__":
    main()
