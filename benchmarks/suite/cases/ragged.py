"""Jagged tensors. Sizes are items, rows of the longest, and features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.suite.case import Case
from benchmarks.suite.limits import COPY, RATE_OF_CUBLAS, Limit

if TYPE_CHECKING:
    from benchmarks.suite.case import Maker


def items(make: Maker, number: int, longest: int, features: int) -> tuple[Any, ...]:
    offsets = make.offsets(number, longest)
    return make.randn(int(offsets[-1]), features), offsets


def with_features(make: Maker, number: int, longest: int, most: int) -> tuple[Any, ...]:
    return *items(make, number, longest, most), make.integers(1, most + 1, number)


def with_dense(make: Maker, number: int, columns: int) -> tuple[Any, ...]:
    offsets = make.offsets(number, columns)
    return make.randn(int(offsets[-1])), offsets, make.randn(number, columns)


def with_matrices(make: Maker, number: int, longest: int, k: int, n: int) -> tuple[Any, ...]:
    data, offsets = items(make, number, longest, k)
    return data, offsets, make.randn(number, k, n) / k**0.5, make.randn(number, n)


def positions(make: Maker, number: int, longest: int, heads: int, depth: int) -> tuple[Any, ...]:
    offsets = make.offsets(number, longest)
    q, k, v = (make.randn(int(offsets[-1]), heads, depth) for _ in range(3))
    return q, k, v, offsets, longest


def expected_attention_flops(number: int, longest: int, heads: int, depth: int) -> float:
    """Of items whose lengths are spread evenly: a third of the longest, squared, and causal."""
    return 4.0 * number * heads * depth * longest**2 / 3 / 2


def case(
    name: str,
    arguments: Any,
    sizes: tuple[int, ...],
    small: tuple[int, ...],
    limit: Limit = COPY,
    **fields: Any,
) -> Case:
    return Case(
        name=f"{name}-{'x'.join(map(str, sizes))}",
        example={"hstu_attention": "jagged_hstu_attention"}.get(name, name),
        kernel=name,
        arguments=arguments,
        sizes=sizes,
        small=small,
        eager="reference",
        limit=limit,
        uncompiled="torch's version loops over items on the host",
        **fields,
    )


ITEMS = (2048, 512, 128)

CASES = (
    case("jagged_sum", items, ITEMS, (5, 19, 33)),
    case("jagged_mean", with_features, ITEMS, (5, 19, 33)),
    case("jagged_softmax", items, ITEMS, (5, 19, 33)),
    case("jagged_layer_norm", items, ITEMS, (5, 19, 33)),
    case("jagged_dense_add", with_dense, (2048, 8192), (5, 19)),
    case("jagged_dense_bmm", with_matrices, (256, 1024, 256, 256), (4, 20, 17, 19)),
    case(
        "hstu_attention",
        positions,
        (128, 1024, 4, 128),
        (3, 20, 2, 16),
        RATE_OF_CUBLAS,
        flops=expected_attention_flops,
    ),
)
