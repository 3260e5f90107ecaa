"""Pointwise kernels, rotary embedding and rounding to float8: a copy is their limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import gelu, silu

from benchmarks.suite.case import by_size
from benchmarks.suite.limits import COPY

if TYPE_CHECKING:
    from benchmarks.suite.case import Maker

SQUARE = (8192, 8192)


def one(make: Maker, *shape: int) -> tuple[Any, ...]:
    return (make.randn(*shape),)


def two(make: Maker, *shape: int) -> tuple[Any, ...]:
    return make.randn(*shape), make.randn(*shape)


def both_halves(make: Maker, rows: int, columns: int) -> tuple[Any, ...]:
    return (make.randn(rows, 2 * columns),)


def swiglu(both: torch.Tensor) -> torch.Tensor:
    gate, up = both.chunk(2, dim=1)
    return silu(gate) * up


def geglu(gate: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
    return gelu(gate, approximate="tanh") * up


def with_angles(make: Maker, batch: int, heads: int, positions: int, depth: int) -> tuple[Any, ...]:
    frequency = 10000.0 ** (-torch.arange(0, depth, 2, device=make.device) / depth)
    angle = torch.arange(positions, device=make.device)[:, None] * frequency
    return make.randn(batch, heads, positions, depth), angle.cos(), angle.sin(), 1


def rope(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, direction: int) -> torch.Tensor:
    first, second = x.chunk(2, dim=-1)
    sin = sin * direction
    turned = torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)
    return turned.to(x.dtype)


CASES = (
    *by_size(
        "add",
        (SQUARE,),
        example="add",
        kernel="add",
        arguments=two,
        small=(17, 33),
        eager=torch.add,
        limit=COPY,
    ),
    *by_size(
        "exp",
        (SQUARE,),
        example="exp",
        kernel="exp_forward",
        arguments=one,
        small=(17, 33),
        eager=torch.exp,
        limit=COPY,
    ),
    *by_size(
        "swiglu",
        (SQUARE,),
        example="swiglu",
        kernel="swiglu_forward",
        arguments=both_halves,
        small=(17, 33),
        eager=swiglu,
        limit=COPY,
    ),
    *by_size(
        "geglu",
        (SQUARE,),
        example="geglu",
        kernel="geglu_forward",
        arguments=two,
        small=(17, 33),
        eager=geglu,
        limit=COPY,
    ),
    *by_size(
        "rope",
        ((4, 32, 4096, 128),),
        example="rope",
        kernel="rotate",
        arguments=with_angles,
        small=(1, 2, 17, 16),
        eager=rope,
        limit=COPY,
    ),
    *by_size(
        "quantise_fp8",
        (SQUARE, (4096, 1024)),
        example="quantise_fp8",
        kernel="quantise_tokens",
        arguments=one,
        small=(17, 33),
        eager="reference",
        expected="reference",
        limit=COPY,
    ),
)
