"""Attention forward, plain and causal. Sizes are batch, heads, positions, depth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.nn.functional import scaled_dot_product_attention

from benchmarks.suite.case import by_size
from benchmarks.suite.limits import CUDNN

if TYPE_CHECKING:
    import torch

    from benchmarks.suite.case import Maker


def arguments(*, causal: bool) -> Any:
    def make_them(make: Maker, *shape: int) -> tuple[Any, ...]:
        return (*(make.randn(*shape) for _ in range(3)), causal)

    return make_them


def heads(make: Maker, *shape: int) -> tuple[Any, ...]:
    return tuple(make.randn(*shape) for _ in range(3))


def eager(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, causal: bool = False) -> torch.Tensor:
    return scaled_dot_product_attention(q, k, v, is_causal=causal)


def flops(*, causal: bool) -> Any:
    def count(batch: int, heads: int, positions: int, depth: int) -> float:
        full = 4.0 * batch * heads * positions**2 * depth
        return full / 2 if causal else full

    return count


SHAPES = ((4, 32, 4096, 128), (16, 16, 1024, 64))

CASES = (
    *(
        case
        for name, causal in (("attention", False), ("causal_attention", True))
        for case in by_size(
            name,
            SHAPES,
            example="attention",
            kernel="attention",
            arguments=arguments(causal=causal),
            small=(1, 2, 37, 16),
            eager=eager,
            limit=CUDNN,
            flops=flops(causal=causal),
        )
    ),
    *by_size(
        "plain_attention",
        SHAPES,
        example="plain_attention",
        kernel="plain_attention",
        arguments=heads,
        small=(1, 2, 37, 16),
        eager=eager,
        limit=CUDNN,
        flops=flops(causal=False),
    ),
)
