"""Cases of attention in its forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

import attention
import flex_attention
from gallery.case import Case

if TYPE_CHECKING:
    from gallery.case import Maker

SIZES = ((1, 2, 37, 37, 16), (1, 1, 1, 1, 32), (2, 1, 17, 17, 16))
LARGE = (2, 3, 257, 257, 64)


def heads(
    make: Maker, batch: int, number: int, queries: int, keys: int, depth: int
) -> tuple[Any, ...]:
    q = make.randn(batch, number, queries, depth)
    return q, make.randn(batch, number, keys, depth), make.randn(batch, number, keys, depth)


def causal(make: Maker, *sizes: int) -> tuple[Any, ...]:
    return (*heads(make, *sizes), True)


def modified(make: Maker, *sizes: int) -> tuple[Any, ...]:
    return (*heads(make, *sizes), False, attention.nearer_is_better)


def float8(make: Maker, number: int, queries: int, keys: int, depth: int) -> tuple[Any, ...]:
    lengths = queries, keys, keys
    return tuple(make.randn(number, length, depth).to(torch.float8_e4m3fn) for length in lengths)


def shared_heads(make: Maker, batch: int, number: int, length: int, depth: int) -> tuple[Any, ...]:
    q = make.randn(batch, 2 * number, length, depth)
    k, v = (make.randn(batch, number, length, depth) for _ in range(2))
    return q, k, v, flex_attention.soft_cap, flex_attention.sliding_window, 32


CASES = [
    Case(
        "attention",
        "attention",
        heads,
        ((1, 2, 37, 67, 16), *SIZES[1:]),
        (2, 3, 257, 300, 64),
        slack=2,
        block=32,
    ),
    Case("attention", "attention", causal, SIZES, LARGE, slack=2, block=32, variant="causal"),
    Case("attention", "attention", modified, SIZES, LARGE, slack=2, block=32, variant="modified"),
    Case(
        "attention_backward",
        "differentiable_attention",
        heads,
        ((1, 1, 37, 67, 16), SIZES[2]),
        (2, 3, 257, 300, 64),
        gradient=True,
        slack=4,
        block=32,
    ),
    Case(
        "fp8_attention",
        "fp8_attention",
        float8,
        ((2, 37, 67, 32),),
        (6, 257, 300, 64),
        dtypes=(torch.float32,),
        slack=4000,  # weights are rounded to float8
        block=32,
    ),
    Case(
        "flex_attention",
        "flex_attention",
        shared_heads,
        ((2, 1, 70, 16), (1, 2, 33, 16)),
        (2, 4, 500, 64),
        slack=2,
        block=32,
    ),
]
