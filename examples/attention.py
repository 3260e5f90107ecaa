"""Attention without the matrix of scores: plain, causal, and with scores modified by a function of the caller.

Each program takes some queries and walks along the keys. It keeps, for each query, the largest score so far, the sum of
exponentials relative to it, and their weighted sum of values; when the largest score grows, both sums are rescaled
(Milakov and Gimelshein, 2018; Dao et al., 2022).

              keys
            ┌──────────────┐
    queries │▒▒▒▒│──>      │     causal: the walk ends at the diagonal, and only
            │▒▒▒▒│         │     the keys around it have to be compared
            └──────────────┘

Exponentials are powers of two, which GPUs compute in one instruction: exp(x) is exp2(x log2(e)), and the factor goes
into the one that scores are multiplied by anyway.

Alongside the result goes the logarithm of each query's sum of exponentials, which the backward pass needs (see
``attention_backward.py``).
"""

import math
from collections.abc import Callable

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, half_precision, pick

Modification = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
LOG2_E = math.log2(math.e)


def add_keys(
    largest: torch.Tensor,
    total: torch.Tensor,
    acc: torch.Tensor,
    scores: torch.Tensor,
    scale: float,
    value: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The largest exponent, the sum and the weighted sum, with some more keys; exponents of two are ``scores * scale``.

    The largest one is scaled after the comparison: what is left for each score is a multiplication with an addition,
    one instruction.
    """
    grown = torch.maximum(largest, torch.amax(scores, dim=-1) * scale)
    weights = torch.exp2(scores * scale - grown[:, :, None])
    shrink = torch.exp2(largest - grown)
    total = total * shrink + torch.sum(weights, dim=-1)
    acc = torch.baddbmm(acc * shrink[:, :, None], weights.to(value.dtype), value)
    return grown, total, acc


@helion.kernel()
def attention(
    q_in: torch.Tensor,
    k_in: torch.Tensor,
    v_in: torch.Tensor,
    causal: hl.constexpr = False,
    modify: Modification | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The result, like the queries, and the logarithm of the sum of exponentials, ``[batch, heads, queries]``.

    Args:
        q_in: queries, ``[batch, heads, queries, depth]``.
        k_in: keys, ``[batch, heads, keys, depth]``.
        v_in: values, like the keys.
        causal: query i looks at keys 0 to i only.
        modify: from scores, positions of queries and positions of keys to scores; traced into the kernel.
    """
    batch, heads, queries, depth = q_in.size()
    keys = k_in.size(2)
    depth = hl.specialize(depth)
    q = q_in.reshape([-1, queries, depth])
    k = k_in.reshape([-1, keys, depth]).transpose(1, 2)
    v = v_in.reshape([-1, keys, depth])
    out = torch.empty_like(q)
    lse = torch.empty([batch * heads, queries], dtype=torch.float32, device=q.device)
    scale = 1.0 / math.sqrt(depth)
    to_exponents = LOG2_E if modify is not None else scale * LOG2_E
    for tile_b, tile_m in hl.tile([batch * heads, queries]):
        largest = hl.full([tile_b, tile_m], float("-inf"), dtype=torch.float32)
        total = hl.zeros([tile_b, tile_m], dtype=torch.float32)
        acc = hl.zeros([tile_b, tile_m, depth], dtype=torch.float32)
        query = q[tile_b, tile_m, :]
        for tile_n in hl.tile(tile_m.begin if causal else keys):
            scores = hl.dot(query, k[tile_b, :, tile_n])
            if modify is not None:
                row, column = tile_m.index[:, None], tile_n.index[None, :]
                scores = modify(scores * scale, row, column)
            value = v[tile_b, tile_n, :]
            largest, total, acc = add_keys(largest, total, acc, scores, to_exponents, value)
        if causal:
            for tile_n in hl.tile(tile_m.begin, tile_m.end):
                scores = hl.dot(query, k[tile_b, :, tile_n])
                row, column = tile_m.index[:, None], tile_n.index[None, :]
                if modify is not None:
                    scores = modify(scores * scale, row, column)
                scores = torch.where((row >= column)[None, :, :], scores, float("-inf"))
                value = v[tile_b, tile_n, :]
                largest, total, acc = add_keys(largest, total, acc, scores, to_exponents, value)
        out[tile_b, tile_m, :] = acc / total[:, :, None]
        lse[tile_b, tile_m] = largest / LOG2_E + torch.log(total)
    return out.view(q_in.size()), lse.view([batch, heads, queries])


def nearer_is_better(scores: torch.Tensor, query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
    """A penalty that grows with the distance between query and key, as ALiBi has it."""
    return scores - 0.05 * torch.abs(query - key)


def reference(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    causal: bool = False,
    modify: Modification | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The same by torch, with the matrix of scores."""
    row = torch.arange(q.size(2), device=q.device)[:, None]
    column = torch.arange(k.size(2), device=q.device)[None, :]
    scores = q @ k.mT / math.sqrt(q.size(-1))
    if modify is not None:
        scores = modify(scores, row, column)
    if causal:
        scores = torch.where(row >= column, scores, float("-inf"))
    return torch.softmax(scores, dim=-1) @ v, torch.logsumexp(scores, dim=-1)


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    shape = [pick(gpu=4, cpu=1), pick(gpu=32, cpu=2), pick(gpu=4096, cpu=70), pick(gpu=128, cpu=32)]
    q, k, v = (torch.randn(shape, device=DEVICE).to(half_precision()) for _ in range(3))
    compare("attention", attention, reference, (q, k, v))
    compare("causal attention", attention, reference, (q, k, v, True))
    compare("attention, ALiBi", attention, reference, (q, k, v, False, nearer_is_better))


if __name__ == "__main__":
    main()
