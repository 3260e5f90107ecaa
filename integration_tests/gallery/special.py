"""Cases of scans, searches, shifted tiles, tables of addresses and Triton within kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

import mxfp8_gemm
from gallery.case import Case

if TYPE_CHECKING:
    from gallery.case import Maker


def taps(make: Maker, batch: int, channels: int, length: int, number: int) -> tuple[Any, ...]:
    x = make.randn(batch, length, channels).transpose(1, 2)
    return x, make.randn(channels, number), make.randn(channels)


def steps(make: Maker, rows: int, length: int) -> tuple[Any, ...]:
    return make.rand(rows, length), make.randn(rows, length)


def logits(make: Maker, tokens: int, experts: int, chosen: int) -> tuple[Any, ...]:
    # All different, so that there is one answer in every dtype.
    order = torch.stack([torch.randperm(experts, generator=make.generator) for _ in range(tokens)])
    return (order / experts).to(make.device, make.dtype), chosen


def codes(make: Maker, vectors: int, count: int, depth: int) -> tuple[Any, ...]:
    # Whole numbers, so that distances are exact.
    x, table = make.integers(-4, 5, vectors, depth), make.integers(-4, 5, count, depth)
    return x.to(make.dtype), table.to(make.dtype)


def ascending(make: Maker, n: int, m: int) -> tuple[Any, ...]:
    return make.randn(n).sort().values, make.randn(m)


def scaled(make: Maker, m: int, blocks: int, n: int) -> tuple[Any, ...]:
    x, scale_x = mxfp8_gemm.quantise(make.randn(m, 32 * blocks))
    y, scale_y = mxfp8_gemm.quantise(make.randn(n, 32 * blocks))
    return x, scale_x, y.T.contiguous(), scale_y


def tensors(make: Maker, number: int, size: int) -> tuple[Any, ...]:
    return ([make.randn(size) for _ in range(number)],)


def sloped(make: Maker, *shape: int) -> tuple[Any, ...]:
    return make.randn(*shape), 1.5


MATRICES = ((37, 67), (1, 1), (17, 129))

CASES = [
    Case(
        "causal_conv1d",
        "causal_conv1d",
        taps,
        ((2, 7, 37, 4), (1, 1, 1, 3), (1, 17, 16, 1)),
        (3, 65, 1025, 4),
    ),
    Case("linear_recurrence", "linear_recurrence", steps, ((5, 37), (1, 1), (17, 16)), (33, 1025)),
    Case("topk_gating", "topk_gating", logits, ((37, 24, 4), (1, 2, 1), (5, 64, 8)), (999, 128, 8)),
    Case("nearest_code", "nearest_code", codes, ((37, 67, 20), (1, 1, 1)), (999, 1025, 65)),
    Case("searchsorted", "searchsorted", ascending, ((50, 37), (1, 1), (17, 5)), (1025, 9999)),
    Case(
        "mxfp8_gemm",
        "mxfp8_gemm",
        scaled,
        ((33, 3, 40), (1, 1, 1)),
        (257, 9, 129),
        dtypes=(torch.float32,),
        higher=False,
    ),
    Case("escape_hatches", "inline", sloped, MATRICES, (1000, 1025), compiled_only=True),
    Case("escape_hatches", "called", sloped, MATRICES, (1000, 1025), compiled_only=True),
    Case("pointer_table", "sum_of_tensors", tensors, ((7, 37), (1, 1), (3, 16)), (9, 10_001)),
]
