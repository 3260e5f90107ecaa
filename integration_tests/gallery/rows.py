"""Cases of pointwise kernels and of reductions over rows."""

from __future__ import annotations

from gallery.case import Case, Maker


def matrix(make: Maker, rows: int, columns: int) -> tuple[object, ...]:
    return (make.randn(rows, columns),)


def transposed_matrix(make: Maker, rows: int, columns: int) -> tuple[object, ...]:
    return (make.randn(columns, rows).T,)


MATRICES = ((37, 67), (1, 1), (17, 129))

CASES = [
    Case(
        "add",
        "add",
        lambda make, a, b, c: (make.randn(a, 1, c), make.randn(b, c)),
        small=((5, 17, 33), (1, 1, 1), (2, 31, 7)),
        large=(33, 127, 1025),
    ),
    Case("exp", "exp", matrix, MATRICES, (1000, 1025)),
    Case("exp", "exp", matrix, MATRICES, (1000, 1025), gradient=True),
    Case("sum", "sum_rows", transposed_matrix, MATRICES, (1000, 1025)),
    Case("long_sum", "sum_whole", matrix, MATRICES, (5, 100_003), slack=4),
    Case("long_sum", "sum_in_steps", matrix, MATRICES, (5, 100_003), slack=4),
    Case("long_sum", "sum_in_lanes", transposed_matrix, MATRICES, (5, 100_003), slack=4),
    Case("softmax", "softmax", matrix, MATRICES, (1000, 1025)),
    Case("softmax", "softmax_decomposed", transposed_matrix, MATRICES, (1000, 1025)),
    Case("softmax", "softmax_two_pass", matrix, MATRICES, (1000, 1025)),
    Case(
        "softmax",
        "differentiable_softmax",
        matrix,
        MATRICES,
        (1000, 1025),
        gradient=True,
        slack=4,
    ),
    Case(
        "batch_softmax",
        "batch_softmax",
        lambda make, b, m, n: (make.randn(b, n, m).transpose(1, 2),),
        small=((3, 17, 65), (1, 1, 1), (2, 7, 31)),
        large=(7, 129, 1025),
    ),
]
