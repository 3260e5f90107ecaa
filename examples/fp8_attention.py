"""Attention on eight-bit floats: both products on float8 tensor cores, the softmax between them in float32.

Weights of attention lie between 0 and 1, so they fit float8 as they are. The head is a number here, not a tile:
``block_size=1`` and ``tile.begin`` make every value two-dimensional, which is what the float8 products want.
"""

import math

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, pick


@helion.kernel()
def fp8_attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Attention of ``[heads, positions, depth]`` float8_e4m3fn, as float32."""
    heads, queries, depth = q.size()
    keys = k.size(1)
    depth = hl.specialize(depth)
    out = torch.empty([heads, queries, depth], dtype=torch.float32, device=q.device)
    to_base_2 = 1.44269504 / math.sqrt(depth)  # exp2 is what the hardware has
    for tile_h, tile_m in hl.tile([heads, queries], block_size=[1, None]):
        head = tile_h.begin
        largest = hl.full([tile_m], float("-inf"), dtype=torch.float32)
        total = hl.zeros([tile_m], dtype=torch.float32)
        acc = hl.zeros([tile_m, depth], dtype=torch.float32)
        query = q[head, tile_m, :]
        for tile_n in hl.tile(keys):
            scores = hl.dot(query, k[head, tile_n, :].T) * to_base_2
            grown = torch.maximum(largest, scores.amax(dim=-1))
            weights = torch.exp2(scores - grown[:, None])
            shrink = torch.exp2(largest - grown)
            total = total * shrink + weights.sum(dim=-1)
            value = v[head, tile_n, :]
            acc = hl.dot(weights.to(value.dtype), value, acc=acc * shrink[:, None])
            largest = grown
        out[head, tile_m, :] = acc / total[:, None]
    return out


def reference(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """The same by torch, on the same float8 numbers, without rounding in between."""
    scores = q.double() @ k.double().mT / math.sqrt(q.size(-1))
    return torch.softmax(scores, dim=-1) @ v.double()


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    shape = [pick(gpu=64, cpu=2), pick(gpu=4096, cpu=70), pick(gpu=128, cpu=32)]
    q, k, v = (torch.randn(shape, device=DEVICE).to(torch.float8_e4m3fn) for _ in range(3))
    compare("fp8 attention", fp8_attention, reference, (q, k, v), tolerance=5e-2)


if __name__ == "__main__":
    main()
