"""Mamba-2, last step: the output of every position, from its own chunk and the state before it.

    out = exp(decay) ∘ (C state)                              what the chunks before left
        + (C Bᵀ ∘ exp(decay_l - decay_s) dt_s ∘ causal) x     what the chunk itself adds
        + D x                                                 the skip

Two matrix products into one accumulator; the second is causal, so its loop ends with the program's own rows. C Bᵀ comes
as an argument, for heads of a group share it.
"""

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, half_precision, pick


@helion.kernel()
def chunk_scan(
    cb: torch.Tensor,
    x: torch.Tensor,
    dt: torch.Tensor,
    decay: torch.Tensor,
    c: torch.Tensor,
    states: torch.Tensor,
    skip: torch.Tensor,
) -> torch.Tensor:
    """The output, like ``x``.

    Args:
        cb: C Bᵀ, ``[batch, chunks, groups, chunk, chunk]``.
        x: ``[batch, chunks * chunk, heads, head width]``.
        dt: ``[batch, heads, chunks, chunk]``.
        decay: alike, running sums within each chunk.
        c: ``[batch, chunks * chunk, groups, state width]``.
        states: before each chunk, ``[batch, chunks, heads, head width, state width]``.
        skip: D, ``[heads]``.
    """
    batch, chunks, groups, chunk, _ = cb.size()
    _, _, heads, width = x.size()
    chunk = hl.specialize(chunk)
    state = hl.specialize(c.size(-1))
    heads_per_group = heads // groups
    out = torch.empty_like(x)
    for tile_h, tile_m, tile_p, tile_b, tile_c in hl.tile(
        [heads, chunk, width, batch, chunks], block_size=[1, None, None, 1, 1]
    ):
        item, number, head = tile_b.begin, tile_c.begin, tile_h.begin
        group = head // heads_per_group
        decay_m = decay[item, head, number, tile_m].to(torch.float32)
        row = tile_m + number * chunk
        before = states[item, number, head, tile_p, :].to(x.dtype)
        acc = hl.dot(c[item, row, group, :], before.T) * torch.exp(decay_m)[:, None]
        for tile_k in hl.tile(tile_m.end):
            decay_k = decay[item, head, number, tile_k].to(torch.float32)
            weight = cb[item, number, group, tile_m, tile_k].to(torch.float32)
            weight = weight * torch.exp(decay_m[:, None] - decay_k[None, :])
            weight = weight * dt[item, head, number, tile_k].to(torch.float32)[None, :]
            causal = tile_m.index[:, None] >= tile_k.index[None, :]
            weight = torch.where(causal, weight, 0.0).to(x.dtype)
            acc = hl.dot(weight, x[item, tile_k + number * chunk, head, tile_p], acc=acc)
        own = x[item, row, head, tile_p].to(torch.float32)
        out[item, row, head, tile_p] = acc + own * skip[head].to(torch.float32)
    assert state == states.size(-1), "states and C are of different widths"
    return out


def reference(
    cb: torch.Tensor,
    x: torch.Tensor,
    dt: torch.Tensor,
    decay: torch.Tensor,
    c: torch.Tensor,
    states: torch.Tensor,
    skip: torch.Tensor,
) -> torch.Tensor:
    """The same by torch."""
    _, chunks, groups, chunk, _ = cb.size()
    heads = x.size(2)
    cb = cb.repeat_interleave(heads // groups, dim=2).transpose(
        1, 2
    )  # [batch, heads, chunks, l, s]
    c = c.repeat_interleave(heads // groups, dim=2).view(-1, chunks, chunk, heads, c.size(-1))
    inner = x.view(-1, chunks, chunk, *x.shape[2:])
    apart = torch.exp(decay[..., :, None] - decay[..., None, :]).tril()
    weight = (cb * apart * dt[..., None, :]).to(x.dtype)
    own = torch.einsum("bhcls,bcshp->bclhp", weight, inner)
    before = torch.einsum("bclhn,bchpn,bhcl->bclhp", c, states.to(x.dtype), decay.exp().to(x.dtype))
    return ((own + before).flatten(1, 2) + x * skip[:, None]).to(x.dtype)


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    batch, chunks, chunk = pick(gpu=4, cpu=2), pick(gpu=16, cpu=2), pick(gpu=256, cpu=32)
    heads, width, state = pick(gpu=32, cpu=4), pick(gpu=64, cpu=16), pick(gpu=128, cpu=16)
    dtype = half_precision()
    c, b = (
        torch.randn(batch, chunks * chunk, 2, state, device=DEVICE).to(dtype) / 4 for _ in range(2)
    )
    in_chunks = (tensor.view(batch, chunks, chunk, 2, state) for tensor in (c, b))
    cb = torch.einsum("bclgn,bcsgn->bcgls", *in_chunks)
    x = torch.randn(batch, chunks * chunk, heads, width, device=DEVICE).to(dtype)
    dt = torch.rand(batch, heads, chunks, chunk, device=DEVICE)
    decay = -torch.rand(batch, heads, chunks, chunk, device=DEVICE).cumsum(-1) / 10
    states = torch.randn(batch, chunks, heads, width, state, device=DEVICE)
    skip = torch.randn(heads, device=DEVICE)
    args = cb, x, dt, decay, c, states, skip
    compare("Mamba-2 chunk scan", chunk_scan, reference, args, tolerance=2e-2)


if __name__ == "__main__":
    main()
