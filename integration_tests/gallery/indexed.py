"""Cases of gathers and scatters, of halves of tensors, of random numbers and of scans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gallery.case import Case

if TYPE_CHECKING:
    from gallery.case import Maker

MATRICES = ((37, 67), (1, 1), (17, 129))
LARGE = (1000, 1025)


def table(make: Maker, a: int, b: int, rows: int, columns: int) -> tuple[Any, ...]:
    return make.integers(0, rows, a, b), make.randn(rows, columns)


def two_widths(make: Maker, rows: int, left: int, right: int) -> tuple[Any, ...]:
    return make.randn(rows, left), make.randn(right, rows).T


def heads(make: Maker, *shape: int) -> tuple[Any, ...]:
    return (make.randn(*shape),)


def pair(make: Maker, rows: int, columns: int) -> tuple[Any, ...]:
    return make.randn(rows, columns), make.randn(rows, columns)


def both_halves(make: Maker, rows: int, columns: int) -> tuple[Any, ...]:
    return (make.randn(rows, 2 * columns),)


def seeded(make: Maker, *shape: int) -> tuple[Any, ...]:
    return make.randn(*shape), 0.3, 1234


def segments(make: Maker, rows: int, features: int, count: int) -> tuple[Any, ...]:
    return make.integers(0, count, rows).sort().values, make.randn(rows, features), count


def layers(make: Maker, rows: int, n: int, k: int) -> tuple[Any, ...]:
    return make.randn(rows, n), make.randn(n, k) / n**0.5, make.randn(k, n) / k**0.5


TABLES = ((3, 7, 11, 33), (1, 1, 1, 1), (2, 17, 5, 19))
WIDTHS = ((37, 19, 41), (1, 1, 1), (5, 16, 16))
HEADS = ((1, 2, 19, 32), (1, 1, 1, 2), (1, 2, 17, 16))
ROWS = ((70, 17, 9), (1, 1, 1), (33, 5, 40))
LAYERS = ((37, 67, 16), (17, 33, 32))

CASES = [
    Case("embedding", "embedding", table, TABLES, (9, 33, 1001, 257)),
    Case("embedding", "embedding", table, TABLES, (9, 33, 1001, 257), gradient=True),
    Case("concatenate", "concatenate", two_widths, WIDTHS, (257, 129, 1025)),
    Case("rope", "rope", heads, HEADS, (2, 5, 257, 128)),
    Case("rope", "rope", heads, HEADS[:1], (2, 5, 257, 128), gradient=True),
    Case("geglu", "geglu", pair, MATRICES, LARGE),
    Case("geglu", "geglu", pair, MATRICES, LARGE, gradient=True),
    Case("swiglu", "swiglu", both_halves, MATRICES, LARGE),
    Case("swiglu", "swiglu", both_halves, MATRICES, LARGE, gradient=True),
    # One axis holds all elements: blocks of 16 would be 155 programs, of which each draws ten rounds of numbers.
    Case("low_mem_dropout", "dropout", seeded, MATRICES, LARGE, higher=False, block=256),
    Case(
        "low_mem_dropout",
        "gradient_of_sum",
        seeded,
        MATRICES[:1],
        LARGE,
        reference="reference_gradient",
        higher=False,
        block=256,
    ),
    Case("segment_reduction", "segment_sum", segments, ROWS, (5000, 129, 300), slack=2),
    Case("squeeze_and_excite", "squeeze_and_excite", layers, LAYERS, (257, 129, 64)),
    Case(
        "squeeze_and_excite",
        "squeeze_and_excite",
        layers,
        LAYERS,
        (257, 129, 64),
        gradient=True,
        slack=3,
    ),
]
