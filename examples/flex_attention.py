"""Attention whose scores and mask are functions of the caller, over just those blocks of keys that a mask leaves.

Like ``torch.nn.attention.flex_attention``: ``score_mod(score, batch, head, query, key)`` changes scores, and
``mask_mod(batch, head, query, key)`` says which exist. The mask is evaluated in blocks beforehand; the kernel gets, for
each block of queries, how many blocks of keys have anything in them, and which:

    mask  ■ ■ . . . .       blocks of keys    2:  0 1
          ■ ■ ■ . . .                         3:  0 1 2
          . . ■ ■ . .                         2:  2 3

Heads of queries may share heads of keys and values (grouped-query attention): head h uses head h // group.
"""

import math
from collections.abc import Callable

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, half_precision, pick

ScoreMod = Callable[..., torch.Tensor]
MaskMod = Callable[..., torch.Tensor]


@helion.kernel()
def flex_kernel(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    counts: torch.Tensor,
    blocks: torch.Tensor,
    score_mod: ScoreMod,
    mask_mod: MaskMod,
    block: hl.constexpr,
) -> torch.Tensor:
    """Attention over blocks.

    Args:
        q: queries, ``[batch, heads, queries, depth]``.
        k: keys, ``[batch, heads / group, keys, depth]``.
        v: values, like the keys.
        counts: ``[heads, blocks of queries]``, how many blocks of keys there are to look at.
        blocks: ``[heads, blocks of queries, blocks of keys]``, which.
        score_mod: changes scores.
        mask_mod: says which scores exist.
        block: positions in a block, of queries and of keys.
    """
    batch, heads, queries, depth = q.size()
    group = heads // k.size(1)
    keys = k.size(2)
    depth = hl.specialize(depth)
    out = torch.empty_like(q)
    scale = 1.0 / math.sqrt(depth)
    block_m = hl.register_block_size(block)
    for tile_b, tile_h, tile_m in hl.tile([batch, heads, queries], block_size=[1, 1, block_m]):
        b, h = tile_b.begin, tile_h.begin
        largest = hl.full([tile_m], float("-inf"), dtype=torch.float32)
        total = hl.zeros([tile_m], dtype=torch.float32)
        acc = hl.zeros([tile_m, depth], dtype=torch.float32)
        query = q[b, h, tile_m, :]
        row = tile_m.begin // block
        for number in hl.grid(counts[h, row]):
            begin = blocks[h, row, number] * block
            for tile_n in hl.tile(begin, torch.clamp(begin + block, max=keys)):
                scores = hl.dot(query, k[b, h // group, tile_n, :].T) * scale
                places = tile_m.index[:, None], tile_n.index[None, :]
                scores = score_mod(scores, b, h, *places)
                scores = torch.where(mask_mod(b, h, *places), scores, float("-inf"))
                grown = torch.maximum(largest, scores.amax(dim=-1))
                # A row without any score so far has no finite maximum to subtract.
                base = torch.where(grown == float("-inf"), 0.0, grown)
                weights = torch.exp(scores - base[:, None])
                shrink = torch.exp(largest - base)
                total = total * shrink + weights.sum(dim=-1)
                value = v[b, h // group, tile_n, :]
                acc = hl.dot(weights.to(value.dtype), value, acc=acc * shrink[:, None])
                largest = grown
        out[b, h, tile_m, :] = acc / torch.where(total == 0.0, 1.0, total)[:, None]
    return out


def blocks_of(
    mask_mod: MaskMod, shape: tuple[int, int, int], block: int, device: torch.device | str
) -> tuple[torch.Tensor, torch.Tensor]:
    """How many blocks of keys each block of queries has to look at, and which; for any batch."""
    head, query, key = (torch.arange(size, device=device) for size in shape)
    mask = mask_mod(0, head[:, None, None], query[None, :, None], key[None, None, :])
    heads, queries, keys = shape
    pads = (0, -keys % block, 0, -queries % block)
    mask = torch.nn.functional.pad(mask.expand(shape), pads)
    rows, columns = helion.cdiv(queries, block), helion.cdiv(keys, block)
    present = mask.view(heads, rows, block, columns, block).any(dim=4).any(dim=2)
    order = torch.argsort(present.to(torch.int8), dim=-1, descending=True, stable=True)
    return present.sum(-1).to(torch.int32), order.to(torch.int32)


def flex_attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    score_mod: ScoreMod,
    mask_mod: MaskMod,
    block: int = 128,
) -> torch.Tensor:
    """Attention with modified and masked scores; rows without any score are 0."""
    shape = (q.size(1), q.size(2), k.size(2))
    counts, blocks = blocks_of(mask_mod, shape, block, q.device)
    return flex_kernel(q, k, v, counts, blocks, score_mod, mask_mod, block)


def soft_cap(
    score: torch.Tensor, _batch: object, _head: object, _query: object, _key: object
) -> torch.Tensor:
    """Scores between -20 and 20."""
    return 20.0 * torch.tanh(score / 20.0)


def sliding_window(
    _batch: object, _head: object, query: torch.Tensor, key: torch.Tensor
) -> torch.Tensor:
    """The 32 keys up to the query's own position."""
    return (query >= key) & (query - key < 32)


def reference(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    score_mod: ScoreMod,
    mask_mod: MaskMod,
    block: int = 128,  # noqa: ARG001 - makes no difference to the result
) -> torch.Tensor:
    """The same by torch, with the matrix of scores."""
    group = q.size(1) // k.size(1)
    k, v = k.repeat_interleave(group, dim=1), v.repeat_interleave(group, dim=1)
    shape = q.shape[0], q.shape[1], q.shape[2], k.shape[2]
    at = torch.meshgrid(*(torch.arange(n, device=q.device) for n in shape), indexing="ij")
    scores = score_mod(q @ k.mT / math.sqrt(q.size(-1)), *at)
    weights = torch.softmax(torch.where(mask_mod(*at), scores, float("-inf")), dim=-1)
    return torch.nan_to_num(weights) @ v


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    batch, heads = pick(gpu=2, cpu=1), pick(gpu=16, cpu=4)
    length, depth = pick(gpu=2048, cpu=150), pick(gpu=64, cpu=16)
    q = torch.randn(batch, heads, length, depth, device=DEVICE).to(half_precision())
    k, v = (
        torch.randn(batch, heads // 2, length, depth, device=DEVICE).to(half_precision())
        for _ in range(2)
    )
    compare("flex attention", flex_attention, reference, (q, k, v, soft_cap, sliding_window))


if __name__ == "__main__":
    main()
