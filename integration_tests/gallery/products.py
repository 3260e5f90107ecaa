"""Cases of matrix products and what is built of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

import fp8_gemm
from gallery.case import FLOATS, Case

if TYPE_CHECKING:
    from gallery.case import Maker

PRODUCTS = ((37, 67, 41), (1, 1, 1), (17, 33, 65))
LARGE = (500, 257, 1023)


def pair(make: Maker, m: int, k: int, n: int) -> tuple[Any, ...]:
    return make.randn(m, k), make.randn(k, n)


def pair_and_bias(make: Maker, m: int, k: int, n: int) -> tuple[Any, ...]:
    return make.randn(m, k), make.randn(n, k).T, make.randn(n)


def batches(make: Maker, batch: int, m: int, k: int, n: int) -> tuple[Any, ...]:
    return make.randn(batch, m, k), make.randn(batch, n, k).transpose(1, 2)


def batches_and_one(make: Maker, batch: int, m: int, k: int, n: int) -> tuple[Any, ...]:
    return make.randn(batch, m, k), make.randn(k, n)


def normalised(make: Maker, m: int, k: int, n: int) -> tuple[Any, ...]:
    return make.randn(m, k), make.randn(k, n), make.rand(n), make.randn(n)


def groups(make: Maker, number: int, tallest: int, k: int, n: int) -> tuple[Any, ...]:
    offsets = make.offsets(number, tallest)
    return make.randn(int(offsets[-1]), k), make.randn(number, k, n), offsets


def experts(make: Maker, tokens: int, number: int, k: int, n: int) -> tuple[Any, ...]:
    chosen = make.integers(0, number, tokens)
    return make.randn(tokens, k), make.randn(number + 1, k, n), chosen  # nobody asks the last one


def packed(make: Maker, m: int, half_k: int, n: int) -> tuple[Any, ...]:
    return make.randn(m, 2 * half_k), make.integers(-128, 128, half_k, n, dtype=torch.int8)


def float8(make: Maker, m: int, k: int, n: int) -> tuple[Any, ...]:
    x, scale_x = fp8_gemm.quantise(make.randn(m, k), dim=1)
    y, scale_y = fp8_gemm.quantise(make.randn(n, k), dim=1)
    return x, y.T, scale_x, scale_y.T


def with_integers(make: Maker, m: int, k: int, n: int) -> tuple[Any, ...]:
    return make.randn(m, k), make.integers(-200, 200, k, n, dtype=torch.int16)


def by_integers(make: Maker, m: int, k: int, n: int) -> tuple[Any, ...]:
    return make.integers(-200, 200, m, k, dtype=torch.int16), make.randn(n, k).T


def chosen_matrices(make: Maker, matrices: int, chosen: int, m: int, k: int) -> tuple[Any, ...]:
    return make.randn(matrices, m, k), make.integers(0, matrices, chosen), make.randn(k)


BATCHES = ((3, 17, 37, 19), (1, 1, 1, 1), (2, 33, 16, 35))

CASES = [
    Case("matmul", "matmul", pair, PRODUCTS, LARGE),
    Case("matmul_epilogue", "matmul_bias_relu", pair_and_bias, PRODUCTS, LARGE),
    Case("matmul_autograd", "matmul", pair, PRODUCTS[:1], LARGE, variant="autograd"),
    Case("matmul_autograd", "matmul", pair, PRODUCTS[::2], LARGE, gradient=True),
    Case("bmm", "bmm", batches, BATCHES, (5, *LARGE)),
    Case("broadcast_matmul", "broadcast_matmul", batches_and_one, BATCHES, (5, *LARGE)),
    Case("split_k", "split_k", pair_and_bias, PRODUCTS, (65, 5001, 33), slack=2),
    Case(
        "split_k_barrier",
        "split_k_barrier",
        pair,
        PRODUCTS[:2],
        (65, 5001, 33),
        dtypes=FLOATS[:2],
        slack=2,
        block=32,
    ),
    Case(
        "matmul_layernorm", "matmul_layernorm", normalised, PRODUCTS[::2], (257, 129, 255), slack=2
    ),
    Case(
        "grouped_gemm", "grouped_gemm", groups, ((4, 37, 33, 19), (1, 5, 17, 3)), (9, 300, 257, 129)
    ),
    Case(
        "grouped_gemm",
        "grouped_gemm_balanced",
        groups,
        ((4, 37, 33, 19), (1, 5, 17, 3)),
        (9, 300, 257, 129),
    ),
    Case("moe_matmul", "moe_matmul", experts, ((37, 3, 33, 19), (1, 1, 17, 3)), (999, 7, 257, 129)),
    Case("int4_gemm", "int4_gemm", packed, PRODUCTS, LARGE),
    Case("int4_gemm", "int4_gemm_in_halves", packed, PRODUCTS, LARGE),
    Case("fp8_gemm", "fp8_gemm", float8, PRODUCTS, LARGE, dtypes=(torch.float32,), block=32),
    Case("bf16xint16_gemm", "mixed_gemm", with_integers, PRODUCTS, LARGE),
    Case("bf16xint16_gemm", "mixed_gemm", by_integers, PRODUCTS[:1], LARGE, variant="left"),
    Case(
        "gather_gemv",
        "gather_gemv",
        chosen_matrices,
        ((5, 3, 17, 37), (1, 1, 1, 1)),
        (7, 4, 257, 1025),
    ),
]
