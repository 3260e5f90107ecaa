"""Cases of matrix products and what is built of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallery.case import Case

if TYPE_CHECKING:
    from gallery.case import Maker

PRODUCTS = ((37, 67, 41), (1, 1, 1), (17, 33, 65))
LARGE = (500, 257, 1023)


def pair(make: Maker, m: int, k: int, n: int) -> tuple[Any, ...]:
    return make.randn(m, k), make.randn(k, n)


def pair_and_bias(make: Maker, m: int, k: int, n: int) -> tuple[Any, ...]:
    return make.randn(m, k), make.randn(n, k).T, make.randn(n)


CASES = [
    Case("matmul", "matmul", pair, PRODUCTS, LARGE),
    Case("matmul_epilogue", "matmul_bias_relu", pair_and_bias, PRODUCTS, LARGE),
]
