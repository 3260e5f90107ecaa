"""State space models. Sizes are batch, chunks, chunk, heads, head width, state width."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from benchmarks.suite.case import by_size
from benchmarks.suite.limits import COPY

if TYPE_CHECKING:
    from benchmarks.suite.case import Maker


def chained_chunks(
    make: Maker, batch: int, number: int, chunk: int, heads: int, width: int, state: int
) -> tuple[Any, ...]:
    groups = 2
    b, c = (make.randn(batch, number * chunk, groups, state) / 4 for _ in range(2))
    in_chunks = (tensor.view(batch, number, chunk, groups, state) for tensor in (c, b))
    decay = -make.rand(batch, heads, number, chunk, dtype=torch.float32).cumsum(-1) / 10
    return (
        torch.einsum("bclgn,bcsgn->bcgls", *in_chunks),
        make.randn(batch, number * chunk, heads, width),
        make.rand(batch, heads, number, chunk, dtype=torch.float32),
        decay,
        c,
        make.randn(batch, number, heads, width, state),
        make.randn(heads),
    )


CASES = by_size(
    "mamba2_chunk_scan",
    ((4, 16, 256, 32, 64, 128),),
    example="mamba2_chunk_scan",
    kernel="chunk_scan",
    arguments=chained_chunks,
    small=(1, 2, 32, 4, 16, 16),
    eager="reference",
    limit=COPY,
)
