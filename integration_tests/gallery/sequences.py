"""Cases of state space models, of policy losses and of quantisation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from gallery.case import Case

if TYPE_CHECKING:
    from gallery.case import Maker


def decays(make: Maker, *shape: int) -> torch.Tensor:
    return -make.rand(*shape, dtype=torch.float32).cumsum(-1) / 10


def chunks(
    make: Maker, batch: int, number: int, chunk: int, heads: int, width: int, state: int
) -> tuple[Any, ...]:
    return (
        make.randn(batch, number * chunk, 2 * heads, width),
        make.randn(batch, number * chunk, heads, state),
        make.rand(batch, 2 * heads, number, chunk, dtype=torch.float32),
        decays(make, batch, 2 * heads, number, chunk),
    )


def chained_chunks(make: Maker, *sizes: int) -> tuple[Any, ...]:
    batch, number, chunk, heads, width, state = sizes
    x, c, dt, decay = chunks(make, *sizes)
    return (
        make.randn(batch, number, heads, chunk, chunk),
        x,
        dt,
        decay,
        c,
        make.randn(batch, number, 2 * heads, width, state),
        make.randn(2 * heads),
    )


def deltas(
    make: Maker, batch: int, positions: int, heads: int, width: int, values: int
) -> tuple[Any, ...]:
    shape = batch, positions, heads
    gates = make.rand(*shape, dtype=torch.float32)
    g = torch.cat([-part.cumsum(1) for part in torch.split(gates, 16, dim=1)], dim=1)
    k, w = make.randn(*shape, width) / 4, make.randn(*shape, width) / 4
    return k, w, make.randn(*shape, values), g, 16


def sampled(make: Maker, batch: int, length: int, vocabulary: int) -> tuple[Any, ...]:
    logits = make.randn(batch, length, vocabulary)
    tokens = make.integers(0, vocabulary, batch, length)
    sure = torch.log_softmax(logits.float() / 0.9, dim=-1).gather(-1, tokens[..., None])[..., 0]
    old, ref = (sure + make.randn(batch, length, dtype=torch.float32) / 3 for _ in range(2))
    return logits, tokens, old, ref, make.randn(batch)


def plain(make: Maker, *sizes: int) -> tuple[Any, ...]:
    logits, tokens, _, _, advantages = sampled(make, *sizes)
    return logits, tokens, None, None, advantages


def rows(make: Maker, tokens: int, features: int) -> tuple[Any, ...]:
    x = make.randn(tokens, features)
    x[0] = 0
    return (x,)


def grouped(make: Maker, tokens: int, groups: int, group: int) -> tuple[Any, ...]:
    return make.randn(tokens, groups * group), group


CHUNKS = ((2, 2, 32, 1, 17, 16), (1, 3, 16, 1, 16, 33))
LARGE_CHUNKS = (2, 5, 128, 2, 64, 65)
LENGTHS = ((2, 17, 35), (1, 1, 1), (2, 19, 33))

# States are float32, whatever their inputs were rounded to.
CASES = [
    Case("mamba2_chunk_state", "chunk_state", chunks, CHUNKS, LARGE_CHUNKS, slack=500, block=32),
    Case(
        "mamba2_chunk_scan", "chunk_scan", chained_chunks, CHUNKS, LARGE_CHUNKS, slack=2, block=32
    ),
    Case(
        "gated_delta_net",
        "gated_delta_states",
        deltas,
        ((1, 40, 2, 16, 17), (2, 16, 1, 32, 16)),
        (2, 333, 3, 64, 65),
        slack=4,
    ),
    Case("grpo_loss", "grpo_loss", sampled, LENGTHS, (3, 129, 1025), slack=2),
    Case(
        "grpo_loss",
        "grpo_loss",
        sampled,
        LENGTHS,
        (3, 129, 1025),
        gradient=True,
        first=1,
        slack=2,
    ),
    Case("grpo_loss", "grpo_loss", plain, LENGTHS[:1], (3, 129, 1025), slack=2, variant="plain"),
    Case(
        "quantise_fp8",
        "quantise_tokens",
        rows,
        ((37, 67), (2, 1), (17, 129)),
        (999, 1025),
        higher=False,
    ),
    Case(
        "quantise_fp8",
        "quantise_groups",
        grouped,
        ((37, 3, 16), (1, 1, 1), (17, 5, 19)),
        (999, 7, 128),
        reference="reference_groups",
        higher=False,
    ),
]
