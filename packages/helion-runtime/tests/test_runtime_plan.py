"""Host logic carried out on tensors, as the interpreted mode does it."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from helion_runtime.entries import (
    AllocateStep,
    PointerArgument,
    ScalarSignature,
    VariantEntry,
    ViewStep,
)
from helion_runtime.errors import ExpressionError
from helion_runtime.evaluated import Address, Scalar
from helion_runtime.execution import execute
from helion_runtime.plan import ArgumentMetadata, evaluate_variant
from helion_runtime.record import replace


def metadata(*arguments: object) -> ArgumentMetadata:
    return ArgumentMetadata(arguments, lambda: 132)


def carry_out(variant: VariantEntry, *arguments: object) -> Any:
    """What a variant without launches returns."""
    return execute(variant, metadata(*arguments), torch.device("cpu"), launch=None)


def test_numbers_of_a_variant(add_variant: VariantEntry) -> None:
    x = torch.zeros(100, 64)
    plan = evaluate_variant(add_variant, metadata(x, x))
    assert plan.launches[0].grid == (7, 1, 1)
    assert plan.launches[0].programs == 7
    assert plan.launches[0].arguments == (
        Address(0, 0),
        Address(1, 0),
        Address(2, 0),
        Scalar("i32", 6400),
    )
    assert plan.outputs == ("buffer", 2)


def test_offsets_beyond_any_memory_are_refused(add_variant: VariantEntry) -> None:
    x = torch.zeros(4, 4)
    launch = add_variant.launches[0]
    arguments = (PointerArgument(0, 2**62), *launch.arguments[1:])
    variant = replace(add_variant, launches=(replace(launch, arguments=arguments),))
    with pytest.raises(ExpressionError, match=r"launch 0, argument 0: an offset of \d+ bytes"):
        evaluate_variant(variant, metadata(x, x))


def test_steps_and_outputs_on_tensors(add_variant: VariantEntry) -> None:
    variant = replace(
        add_variant,
        signature=(*add_variant.signature, ScalarSignature("float")),
        steps=(
            AllocateStep((["size", 0, 1], ["size", 0, 0]), (1, ["size", 0, 1]), "int32", 5),
            ViewStep(0, (["size", 0, 1],), (["stride", 0, 1],), ["stride", 0, 0]),
            ViewStep(4, (2,), (1,), 1),
        ),
        launches=(),
        outputs=(
            "tuple",
            (("buffer", 3), ("buffer", 5), ("value", ("argument", 2)), ("value", ("sm_count",))),
        ),
    )
    x = torch.arange(12.0).view(3, 4)
    made, row, scale, count = carry_out(variant, x[1:], x, 0.5)
    assert torch.equal(made, torch.full((4, 2), 5, dtype=torch.int32))
    assert made.stride() == (1, 4)
    assert row.tolist() == [9.0, 10.0]
    assert row.untyped_storage().data_ptr() == x.untyped_storage().data_ptr()
    assert (scale, count) == (0.5, 132)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (AllocateStep((-1,), (1,), "float32"), "sizes of buffer 2: expected at least 0, found -1"),
        (AllocateStep((1,), (-1,), "float32"), "strides of buffer 2"),
        (AllocateStep((2**70,), (1,), "float32"), "expected a 64-bit integer"),
        (AllocateStep((1.5,), (1,), "float32"), "expected a 64-bit integer, found 1.5"),
        (AllocateStep((["size", 0, 7],), (1,), "float32"), "cannot be read from this call"),
        (ViewStep(0, (1,), (1,), -4), "offset of buffer 2: expected at least 0"),
    ],
)
def test_steps_without_a_meaning(
    add_variant: VariantEntry, step: AllocateStep | ViewStep, message: str
) -> None:
    x = torch.zeros(4, 4)
    variant = replace(add_variant, steps=(step,))
    with pytest.raises(ExpressionError, match=message):
        evaluate_variant(variant, metadata(x, x))
