"""What people read of a variant: which condition a call does not meet, and what the variant takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from helion_runtime.acceptance import describe_signature
from helion_runtime.conditions import unmet_conditions
from helion_runtime.entries import ScalarSignature, TensorSignature, VariantEntry
from helion_runtime.errors import NoVariantError
from helion_runtime.expression_text import describe_expression
from helion_runtime.modules import KernelImage
from helion_runtime.plan import ArgumentMetadata
from helion_runtime.record import replace

Make = Callable[..., Any]
NAMES = ("x", "y", "n")
M, K = ["size", 0, 0], ["size", 0, 1]
ROWS, COLUMNS = ["size", 1, 0], ["size", 1, 1]
ROW_STRIDE, COLUMN_STRIDE = ["stride", 0, 0], ["stride", 0, 1]
N = ["argument", 2]


def variant(*guard: Any, aligned: tuple[int, ...] = ()) -> VariantEntry:
    tensor = TensorSignature("bfloat16", 2)
    signature = (tensor, tensor, ScalarSignature("int"))
    return VariantEntry(signature, guard, aligned, (), (), ["none"])


@pytest.mark.parametrize(
    ("guard", "lines"),
    [
        (["eq", K, 8], []),
        (["eq", M, 4096], ["x: dimension 0 is 4, this variant has 4096"]),
        (["eq", 4096, M], ["x: dimension 0 is 4, this variant has 4096"]),
        (["eq", COLUMN_STRIDE, 4096], ["x: stride 1 is 1, this variant has 4096"]),
        (["eq", N, 4], ["n is 3, this variant has 4"]),
        (["eq", M, ROWS], ["x: dimension 0 is 4, expected y.size(0) = 6"]),
        (["eq", ["mod", K, 16], 0], ["x: dimension 1 is 8, expected a multiple of 16"]),
        (["ne", ["mod", K, 4], 0], ["x: dimension 1 is 8, expected no multiple of 4"]),
        (["le", 16, K], ["x: dimension 1 is 8, expected at least 16"]),
        (["lt", 8, K], ["x: dimension 1 is 8, expected more than 8"]),
        (["le", K, 7], ["x: dimension 1 is 8, expected at most 7"]),
        (["lt", ["mul", M, K], 32], ["x.size(0) * x.size(1) is 32, expected less than 32"]),
        (["lt", K, ["add", M, 2]], ["x: dimension 1 is 8, expected less than x.size(0) + 2 = 6"]),
        (
            ["and", ["eq", M, 4], ["eq", K, 9], ["eq", ROWS, 9]],
            ["x: dimension 1 is 8, this variant has 9", "y: dimension 0 is 6, this variant has 9"],
        ),
        (
            ["or", ["eq", M, 1], ["lt", ["neg", N], -20]],
            ["expected (x.size(0) == 1) or (-n < -20), found that x.size(0) is 4, n is 3"],
        ),
        (["not", ["le", M, 4]], ["expected not (x.size(0) <= 4), found that x.size(0) is 4"]),
        (
            ["eq", ["floordiv", M, ["sub", N, 3]], 1],
            ["expected (x.size(0) // (n - 3)) == 1, which has no value for these arguments"],
        ),
    ],
)
def test_a_condition_that_is_not_met_is_named_with_its_values(guard: Any, lines: list[str]) -> None:
    call = ArgumentMetadata((torch.zeros(4, 8), torch.zeros(6, 8), 3), lambda: 132)
    assert list(unmet_conditions(variant(guard), NAMES, call)) == lines


def test_a_miss_names_the_conditions_of_the_variant_whose_signature_fits(
    make_op: Make, add_variant: VariantEntry, matrix: Make
) -> None:
    bytes_and_floats = (TensorSignature("int8", 2), TensorSignature("float32", 2))
    op = make_op(replace(add_variant, signature=bytes_and_floats))
    sizes = replace(add_variant, guard=(["eq", M, 64], ["eq", K, 64], ["eq", ROWS, 64]))
    op.call.add(sizes, {"k": KernelImage(op.driver.kernels[0], b"")})
    with pytest.raises(NoVariantError) as caught:
        op.call(matrix(), matrix())
    rows = str(caught.value).splitlines()
    start = rows.index("The nearest is number 2:") + 1
    assert rows[start:-1] == [
        "  x0: dimension 0 is 4, this variant has 64",
        "  x0: dimension 1 is 8, this variant has 64",
        "  x1: dimension 0 is 4, this variant has 64",
    ]


CONTIGUOUS = (["eq", ["stride", 0, 1], 1], ["eq", ["stride", 0, 0], K])


@pytest.mark.parametrize(
    ("guard", "x"),
    [
        ((["eq", M, 64], ["eq", K, 32], *CONTIGUOUS), "[64, 32]"),
        ((["eq", M, 64], ["eq", K, 32], CONTIGUOUS[0], ["eq", ["stride", 0, 0], 32]), "[64, 32]"),
        ((["eq", M, 64], ["eq", K, 1], ["eq", ["stride", 0, 0], 1]), "[64, 1]"),
        ((["le", 2, M], ["eq", ["mod", K, 16], 0], ["le", 2, K], *CONTIGUOUS), "[≥2, 16k]"),
        ((["le", 32, M], ["eq", ["mod", M, 16], 0], *CONTIGUOUS), "[16k in ≥32, any]"),
        ((["lt", K, 65], ["lt", 32, K], ["le", K, 2**31], *CONTIGUOUS), "[any, 33..64]"),
        ((["ne", ["mod", K, 16], 0], ["lt", K, 65], *CONTIGUOUS), "[any, ≤64 not 16k]"),
        ((["lt", K, 2**31], *CONTIGUOUS), "[any, any]"),
        ((["le", 2**31, K], *CONTIGUOUS), "[any, ≥2**31]"),
        ((), "[any, any] strides [any, any]"),
        ((["le", 2, ["stride", 0, 0]], CONTIGUOUS[0]), "[any, any] strides [≥2, 1]"),
        (
            (["eq", M, 8], ["eq", K, 4], CONTIGUOUS[0], ["eq", ["stride", 0, 0], 8]),
            "[8, 4] strides [8, 1]",
        ),
    ],
)
def test_what_a_variant_takes_of_a_tensor(guard: Any, x: str) -> None:
    text = describe_signature(NAMES, variant(*guard))
    assert text.startswith(f"x: bfloat16{x}, y: ")


def test_what_a_variant_takes_beside_sizes_of_one_tensor() -> None:
    dense = [["eq", ["stride", 1, 0], COLUMNS], ["eq", ["stride", 1, 1], 1]]
    guard = [*CONTIGUOUS, *dense, ["eq", M, ROWS], ["le", M, ROWS], ["le", 2, N]]
    guard += [["lt", ["add", M, K], 2**31]] * 2
    text = describe_signature(NAMES, variant(*guard, aligned=(0, 1)))
    assert text == (
        "x: bfloat16[any, any], y: bfloat16[x.size(0), any], n: int ≥2; where offsets below 2**31; "
        "x, y aligned to 16 bytes"
    )
    guard = [*CONTIGUOUS, *dense, *(["lt", ["mul", M, K], limit] for limit in range(10, 15))]
    assert describe_signature(NAMES, variant(*guard)).endswith(
        "where (x.size(0) * x.size(1)) < 10, (x.size(0) * x.size(1)) < 11, "
        "(x.size(0) * x.size(1)) < 12, 2 more condition(s)"
    )


def test_expressions_read_as_python() -> None:
    text = describe_expression(
        ["add", ["mul", M, 2], ["ceildiv", K, ["neg", N]], ["min", 1, ["sm_count"]]], NAMES
    )
    assert text == "(x.size(0) * 2) + ceildiv(x.size(1), -n) + min(1, sm_count)"
