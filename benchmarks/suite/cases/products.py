"""Matrix products: dense, grouped, and of narrow numbers. Sizes are m, n, k."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from benchmarks.suite.case import by_size
from benchmarks.suite.limits import CUBLAS, CUBLAS_FLOAT8, cublas_dense

if TYPE_CHECKING:
    from benchmarks.suite.case import Maker

LARGEST_FLOAT8 = 448.0


def pair(make: Maker, m: int, n: int, k: int) -> tuple[Any, ...]:
    return make.randn(m, k), make.randn(k, n)


def packed(make: Maker, m: int, n: int, k: int) -> tuple[Any, ...]:
    return make.randn(m, k), make.integers(-128, 128, k // 2, n, dtype=torch.int8)


def groups(make: Maker, number: int, tallest: int, n: int, k: int) -> tuple[Any, ...]:
    offsets = make.offsets(number, tallest)
    return make.randn(int(offsets[-1]), k), make.randn(number, k, n) / k**0.5, offsets


def float8(make: Maker, m: int, n: int, k: int) -> tuple[Any, ...]:
    x, scale_x = quantised(make.randn(m, k, dtype=torch.float32))
    y, scale_y = quantised(make.randn(n, k, dtype=torch.float32))
    return x, y.T, scale_x, scale_y.T


def quantised(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """float8 rows, each with a scale."""
    scale = values.abs().amax(dim=1, keepdim=True) / LARGEST_FLOAT8
    return (values / scale).to(torch.float8_e4m3fn), scale


def scaled_product(
    x: torch.Tensor, y: torch.Tensor, scale_x: torch.Tensor, scale_y: torch.Tensor
) -> torch.Tensor:
    """torch's, with a scale for each row and each column."""
    result: torch.Tensor = torch._scaled_mm(
        x, y, scale_a=scale_x, scale_b=scale_y, out_dtype=torch.bfloat16, use_fast_accum=True
    )
    return result


def wide_scaled_product(
    x: torch.Tensor, y: torch.Tensor, scale_x: torch.Tensor, scale_y: torch.Tensor
) -> torch.Tensor:
    return (x.float() @ y.float()) * scale_x * scale_y


def flops(m: int, n: int, k: int) -> float:
    return 2.0 * m * n * k


SHAPES = (
    (1024, 1024, 1024),
    (2048, 2048, 2048),
    (4096, 4096, 4096),
    (8192, 8192, 8192),
    (16, 8192, 8192),
    (64, 4096, 14336),
    (128, 8192, 1024),
    (4096, 4096, 512),
    (8192, 512, 8192),
    (5120, 5120, 13824),
    (4000, 4008, 4016),
    (4096, 11008, 4096),
)

CASES = (
    *by_size(
        "matmul",
        SHAPES,
        example="matmul",
        kernel="matmul",
        arguments=pair,
        small=(17, 19, 33),
        eager=torch.mm,
        limit=CUBLAS,
        flops=flops,
    ),
    *(
        case
        for name in ("grouped_gemm", "grouped_gemm_balanced")
        for case in by_size(
            name,
            ((16, 2048, 4096, 2048),),
            example="grouped_gemm",
            kernel=name,
            arguments=groups,
            small=(3, 20, 17, 33),
            eager="reference",
            limit=cublas_dense(lambda x, weight, _: (*x.shape, weight.size(2))),
            uncompiled="torch's version reads the offsets on the host and loops over groups",
        )
    ),
    *(
        case
        for name, sizes in (
            ("int4_gemm", ((1024, 4096, 4096), (16, 8192, 8192))),
            ("int4_gemm_in_halves", ((1024, 4096, 4096), (16, 8192, 8192))),
        )
        for case in by_size(
            name,
            sizes,
            example="int4_gemm",
            kernel=name,
            arguments=packed,
            small=(17, 19, 64),
            eager="reference",
            limit=cublas_dense(lambda x, weight: (*x.shape, weight.size(1))),
            flops=flops,
        )
    ),
    *by_size(
        "fp8_gemm",
        ((4096, 4096, 4096),),
        example="fp8_gemm",
        kernel="fp8_gemm",
        arguments=float8,
        small=(17, 32, 48),
        eager=scaled_product,
        expected=wide_scaled_product,
        limit=CUBLAS_FLOAT8,
        flops=flops,
    ),
)
