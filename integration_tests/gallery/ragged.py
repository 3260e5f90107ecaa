"""Cases of jagged tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallery.case import Case

if TYPE_CHECKING:
    from gallery.case import Maker

ITEMS = ((5, 19, 33), (1, 1, 1), (17, 3, 7))  # items, rows of the longest, features
LARGE = (33, 500, 129)


def items(make: Maker, number: int, longest: int, features: int) -> tuple[Any, ...]:
    offsets = make.offsets(number, longest)
    return make.randn(int(offsets[-1]), features), offsets


def with_features(make: Maker, number: int, longest: int, most: int) -> tuple[Any, ...]:
    return *items(make, number, longest, most), make.integers(1, most + 1, number)


def with_dense(make: Maker, number: int, longest: int, more: int) -> tuple[Any, ...]:
    offsets = make.offsets(number, longest)
    return make.randn(int(offsets[-1])), offsets, make.randn(number, longest + more)


def with_matrices(make: Maker, number: int, longest: int, k: int, n: int) -> tuple[Any, ...]:
    data, offsets = items(make, number, longest, k)
    return data, offsets, make.randn(number, k, n), make.randn(number, n)


def without_bias(make: Maker, *sizes: int) -> tuple[Any, ...]:
    return *with_matrices(make, *sizes)[:3], None


def positions(make: Maker, number: int, longest: int, heads: int, depth: int) -> tuple[Any, ...]:
    offsets = make.offsets(number, longest)
    q, k, v = (make.randn(int(offsets[-1]), heads, depth) for _ in range(3))
    return q, k, v, offsets, longest


MATRICES = ((4, 37, 33, 19), (1, 5, 17, 3))
POSITIONS = ((4, 37, 2, 16), (1, 1, 1, 16))

CASES = [
    Case("jagged_sum", "jagged_sum", items, ITEMS, LARGE),
    Case("jagged_mean", "jagged_mean", with_features, ITEMS, LARGE),
    Case("jagged_softmax", "jagged_softmax", items, ITEMS, LARGE),
    Case("jagged_layer_norm", "jagged_layer_norm", items, ITEMS[::2], LARGE, slack=2),
    Case("jagged_dense_add", "jagged_dense_add", with_dense, ITEMS, LARGE),
    Case("jagged_dense_bmm", "jagged_dense_bmm", with_matrices, MATRICES, (9, 300, 257, 129)),
    Case(
        "jagged_dense_bmm",
        "jagged_dense_bmm",
        without_bias,
        MATRICES[:1],
        (9, 300, 257, 129),
        variant="without-bias",
    ),
    Case("jagged_hstu_attention", "hstu_attention", positions, POSITIONS, (9, 300, 3, 64)),
]
