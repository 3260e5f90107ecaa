"""Mamba-2, first step: what each chunk of a sequence adds to the state.

A state space layer with a scalar decay for each head and position computes, per head,

    state[t] = exp(a[t]) state[t - 1] + dt[t] x[t] B[t]ᵀ        [head width, state width]

Over a chunk this is one matrix product of x and B, each position weighted by how much is left of it at the end of the
chunk. With ``decay`` the running sum of a within the chunk (Dao and Gu, 2024):

    states = (x ∘ w)ᵀ B        w[l] = exp(decay[last] - decay[l]) dt[l]

Chunks do not depend on each other here; ``mamba2_chunk_scan.py`` is the step after they have been chained.
"""

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, half_precision, pick


@helion.kernel()
def chunk_state(
    x: torch.Tensor, b: torch.Tensor, dt: torch.Tensor, decay: torch.Tensor
) -> torch.Tensor:
    """The states, ``[batch, chunks, heads, head width, state width]`` float32.

    Args:
        x: ``[batch, chunks * chunk, heads, head width]``.
        b: ``[batch, chunks * chunk, groups, state width]``; some heads share a group.
        dt: ``[batch, heads, chunks, chunk]``.
        decay: alike, running sums within each chunk.
    """
    batch, _, heads, width = x.size()
    _, _, groups, state = b.size()
    _, _, chunks, chunk = dt.size()
    chunk = hl.specialize(chunk)
    heads_per_group = heads // groups
    states = torch.empty([batch, chunks, heads, width, state], dtype=torch.float32, device=x.device)
    for tile_b, tile_c, tile_h, tile_p, tile_n in hl.tile(
        [batch, chunks, heads, width, state], block_size=[1, 1, 1, None, None]
    ):
        item, number, head = tile_b.begin, tile_c.begin, tile_h.begin
        group = head // heads_per_group
        acc = hl.zeros([tile_p, tile_n], dtype=torch.float32)
        last = decay[item, head, number, chunk - 1].to(torch.float32)
        for tile_l in hl.tile(chunk):
            position = tile_l + number * chunk
            left = torch.exp(last - decay[item, head, number, tile_l].to(torch.float32))
            weight = left * dt[item, head, number, tile_l].to(torch.float32)
            values = x[item, position, head, tile_p] * weight[:, None]
            acc = hl.dot(values.to(x.dtype).T, b[item, position, group, tile_n], acc=acc)
        states[item, number, head, tile_p, tile_n] = acc
    return states


def reference(
    x: torch.Tensor, b: torch.Tensor, dt: torch.Tensor, decay: torch.Tensor
) -> torch.Tensor:
    """The same by torch."""
    _, _, chunks, chunk = dt.size()
    b = b.repeat_interleave(x.size(2) // b.size(2), dim=2)
    x, b = (tensor.view(-1, chunks, chunk, *tensor.shape[2:]) for tensor in (x, b))
    weight = torch.exp(decay[..., -1:] - decay) * dt
    return torch.einsum("bclhp,bclhn,bhcl->bchpn", x, b, weight.to(x.dtype))


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    batch, chunks, chunk = pick(gpu=4, cpu=2), pick(gpu=16, cpu=2), pick(gpu=256, cpu=32)
    heads, width, state = pick(gpu=32, cpu=4), pick(gpu=64, cpu=16), pick(gpu=128, cpu=16)
    x = torch.randn(batch, chunks * chunk, heads, width, device=DEVICE).to(half_precision())
    b = torch.randn(batch, chunks * chunk, 2, state, device=DEVICE).to(half_precision())
    dt = torch.rand(batch, heads, chunks, chunk, device=DEVICE)
    decay = -torch.rand(batch, heads, chunks, chunk, device=DEVICE).cumsum(-1) / 10
    compare("Mamba-2 chunk state", chunk_state, reference, (x, b, dt, decay), tolerance=1e-2)


if __name__ == "__main__":
    main()
