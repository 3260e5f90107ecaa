"""What times are compared with: a library or a copy, measured in turns with the rest.

A limit makes a yardstick of a case's arguments: something to time, and what its time is multiplied with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import torch
from torch.nn.functional import scaled_dot_product_attention

from benchmarks.suite.case import traffic

if TYPE_CHECKING:
    from collections.abc import Callable


@attrs.frozen
class Yardstick:
    """``scale`` times the milliseconds of ``run`` is what a perfect kernel is taken to need."""

    run: Callable[[], object]
    scale: float = 1.0


@attrs.frozen
class Limit:
    """``kind`` names it in tables; ``make`` gets the arguments of a case, the result of torch, and flops, if any."""

    kind: str
    make: Callable[[tuple[Any, ...], Any, float | None], Yardstick]


def _copy(args: tuple[Any, ...], results: Any, _flops: float | None) -> Yardstick:
    """A copy that moves as many bytes: half of them read, half written."""
    half = max(traffic(args, results) // 2, 1)
    device = next(arg.device for arg in args if isinstance(arg, torch.Tensor))
    source = torch.zeros(half, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return Yardstick(lambda: target.copy_(source))


def _product(args: tuple[Any, ...], _results: Any, _flops: float | None) -> Yardstick:
    """The first two arguments multiplied."""
    x, y = args[:2]
    return Yardstick(lambda: torch.mm(x, y))


def _dense_product(shape: Callable[..., tuple[int, int, int]]) -> Any:
    def make(args: tuple[Any, ...], _results: Any, _flops: float | None) -> Yardstick:
        m, k, n = shape(*args)
        x = torch.randn(m, k, device=args[0].device).to(torch.bfloat16)
        y = torch.randn(k, n, device=args[0].device).to(torch.bfloat16)
        return Yardstick(lambda: torch.mm(x, y))

    return make


def _float8_product(args: tuple[Any, ...], _results: Any, _flops: float | None) -> Yardstick:
    """One scale for each side, which is what cuBLAS has."""
    x, y = args[:2]
    one = torch.ones((), device=x.device)
    return Yardstick(
        lambda: torch._scaled_mm(
            x, y, scale_a=one, scale_b=one, out_dtype=torch.bfloat16, use_fast_accum=True
        )
    )


def _rate_of_products(args: tuple[Any, ...], _results: Any, flops: float | None) -> Yardstick:
    """As many operations at the rate of a large product in bfloat16."""
    assert flops is not None
    side = 4096
    x, y = (torch.randn(side, side, device=args[0].device).to(torch.bfloat16) for _ in range(2))
    return Yardstick(lambda: torch.mm(x, y), flops / (2.0 * side**3))


def _cudnn_attention(args: tuple[Any, ...], _results: Any, _flops: float | None) -> Yardstick:
    from torch.nn.attention import SDPBackend, sdpa_kernel

    q, k, v, *rest = args
    causal = any(rest)

    def run() -> torch.Tensor:
        with sdpa_kernel(SDPBackend.CUDNN_ATTENTION):
            return scaled_dot_product_attention(q, k, v, is_causal=causal)

    return Yardstick(run)


COPY = Limit("copy", _copy)
CUBLAS = Limit("cuBLAS", _product)
CUBLAS_FLOAT8 = Limit("cuBLAS fp8", _float8_product)
CUDNN = Limit("cuDNN", _cudnn_attention)
RATE_OF_CUBLAS = Limit("cuBLAS rate", _rate_of_products)


def cublas_dense(shape: Callable[..., tuple[int, int, int]]) -> Limit:
    """A dense bfloat16 product of as many operations; ``shape`` gives m, k and n from the arguments."""
    return Limit("cuBLAS dense", _dense_product(shape))
