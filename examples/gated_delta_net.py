"""The gated delta rule, forward: the state before every chunk of a sequence.

The state H maps keys to values. A chunk of positions, already brought into the form of keys K, corrections W and
candidate values U, updates it in one step (Yang et al., 2024), with g the running sum of log gates in the chunk:

    new   = U - W H                                    what the state does not know yet
    H     = exp(g[last]) H + Kᵀ (exp(g[last] - g) ∘ new)

Chunks follow each other, so the loop over them is a loop within the kernel; its block size is the chunk itself. Heads
and columns of the state are independent, and are the grid.

    program   H ──> H ──> H ──> H         one for each head and tile of columns
                c0    c1    c2            ... and each writes H down before it takes the next step
"""

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, half_precision, pick


@helion.kernel()
def gated_delta_states(
    k: torch.Tensor,
    w: torch.Tensor,
    u: torch.Tensor,
    g: torch.Tensor,
    chunk: hl.constexpr,
) -> tuple[torch.Tensor, torch.Tensor]:
    """States before each chunk, ``[batch, chunks, heads, key, value]``, and new values, like ``u``.

    Args:
        k: ``[batch, positions, heads, key]``.
        w: alike.
        u: ``[batch, positions, heads, value]``.
        g: ``[batch, positions, heads]`` float32, running sums within each chunk.
        chunk: positions in a chunk, at least 16.
    """
    batch, positions, heads, width = k.size()
    width = hl.specialize(width)
    values = u.size(-1)
    chunks = helion.cdiv(positions, chunk)
    states = torch.empty([batch, chunks, heads, width, values], dtype=k.dtype, device=k.device)
    new_values = torch.empty_like(u)
    for tile_b, tile_h, tile_v in hl.tile([batch, heads, values], block_size=[1, 1, None]):
        item, head = tile_b.begin, tile_h.begin
        state = hl.zeros([width, tile_v], dtype=torch.float32)
        for tile_t in hl.tile(positions, block_size=chunk):
            states[item, tile_t.id, head, :, tile_v] = state.to(k.dtype)
            known = hl.dot(w[item, tile_t, head, :], state.to(k.dtype))
            new = u[item, tile_t, head, tile_v].to(torch.float32) - known
            new_values[item, tile_t, head, tile_v] = new.to(u.dtype)
            end = g[item, tile_t.end - 1, head]
            weighted = new * torch.exp(end - g[item, tile_t, head])[:, None]
            kept = state * torch.exp(end)
            state = hl.dot(k[item, tile_t, head, :].T, weighted.to(k.dtype), acc=kept)
    return states, new_values


def reference(
    k: torch.Tensor, w: torch.Tensor, u: torch.Tensor, g: torch.Tensor, chunk: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """The same by torch, chunk by chunk."""
    pieces = [
        [part.transpose(1, 2) for part in torch.split(one, chunk, dim=1)] for one in (k, w, u)
    ]
    gates = [part.transpose(1, 2) for part in torch.split(g, chunk, dim=1)]
    state = u.new_zeros(u.size(0), u.size(2), k.size(-1), u.size(-1))
    states, news = [], []
    for key, correction, candidate, gate in zip(*pieces, gates, strict=True):
        states.append(state)
        new = candidate - correction @ state
        news.append(new.transpose(1, 2))
        end = gate[..., -1:]
        weighted = new * torch.exp(end - gate)[..., None].to(u.dtype)
        state = state * torch.exp(end)[..., None].to(u.dtype) + key.mT @ weighted
    return torch.stack(states, dim=1), torch.cat(news, dim=1)


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    batch, positions, heads = pick(gpu=8, cpu=1), pick(gpu=4096, cpu=80), pick(gpu=16, cpu=2)
    width, values, chunk = pick(gpu=128, cpu=16), pick(gpu=128, cpu=16), pick(gpu=64, cpu=32)
    shape = [batch, positions, heads]
    k, w = (torch.randn(*shape, width, device=DEVICE) / width**0.5 for _ in range(2))
    u = torch.randn(*shape, values, device=DEVICE)
    g = torch.cat(
        [part.cumsum(1) for part in torch.split(-torch.rand(shape, device=DEVICE), chunk, dim=1)],
        dim=1,
    )
    k, w, u = (tensor.to(half_precision()) for tensor in (k, w, u))
    compare("gated delta rule", gated_delta_states, reference, (k, w, u, g, chunk))


if __name__ == "__main__":
    main()
