"""Attention with nothing around it: no choices, no functions of the caller, so that PyTorch's Helion takes it, too."""

import math

import torch

import helion
import helion.language as hl


@helion.kernel()
def plain_attention(q_in: torch.Tensor, k_in: torch.Tensor, v_in: torch.Tensor) -> torch.Tensor:
    """Attention of ``[batch, heads, positions, depth]``; exponents are of two."""
    queries, depth = q_in.size(-2), q_in.size(-1)
    keys = k_in.size(-2)
    depth = hl.specialize(depth)
    q = q_in.reshape([-1, queries, depth])
    k = k_in.reshape([-1, keys, depth]).transpose(1, 2)
    v = v_in.reshape([-1, keys, depth])
    out = torch.empty_like(q)
    scale = 1.44269504 / math.sqrt(depth)
    for tile_b, tile_m in hl.tile([q.size(0), queries]):
        largest = hl.full([tile_b, tile_m], float("-inf"), dtype=torch.float32)
        total = hl.zeros([tile_b, tile_m], dtype=torch.float32)
        acc = hl.zeros([tile_b, tile_m, depth], dtype=torch.float32)
        query = q[tile_b, tile_m, :]
        for tile_n in hl.tile(keys):
            scores = hl.dot(query, k[tile_b, :, tile_n]) * scale
            grown = torch.maximum(largest, torch.amax(scores, dim=-1))
            weights = torch.exp2(scores - grown[:, :, None])
            shrink = torch.exp2(largest - grown)
            total = total * shrink + torch.sum(weights, dim=-1)
            value = v[tile_b, tile_n, :]
            acc = torch.baddbmm(acc * shrink[:, :, None], weights.to(value.dtype), value)
            largest = grown
        out[tile_b, tile_m, :] = acc / total[:, :, None]
    return out.view(q_in.size())
