"""What is written without TorchInductor is what it writes, line by line, and has the type that torch says."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
import torch

from helion_compiler.torch_bridge.approximations import APPROXIMATIONS
from helion_compiler.torch_bridge.inductor import inductor_template
from helion_compiler.torch_bridge.operands import PointwiseTemplate, ScalarOperand, TensorOperand
from helion_compiler.torch_bridge.operator_graph import lower_call, lowering_settings
from helion_compiler.torch_bridge.triton_text import template_of
from helion_compiler.torch_bridge.usual_operators import (
    USUAL_OPERATORS,
    usual_dtype,
    usual_template,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Call = tuple[tuple[Any, ...], dict[str, Any]]

aten = torch.ops.aten
CUDA = torch.device("cuda")
TYPES = (
    *(torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
    *(torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.float8_e4m3fn),
)
ALL_TYPES = (*TYPES, torch.float8_e5m2, torch.uint16, torch.uint32, torch.uint64)
SECOND = (torch.bool, torch.int32, torch.int64, torch.bfloat16, torch.float32, torch.float64)
NUMBERS = (
    *(ScalarOperand("int"), ScalarOperand("float"), ScalarOperand("bool")),
    *(0, 2, -1, 300, 2**40, 0.5, -0.0, 2.0, 1e-300, float("inf"), float("nan"), True),
)
BOUNDS = ((0.5,), (1, 2), (None, 3.0), (None, ScalarOperand("int")), (ScalarOperand("float"), 1.0))
TILES = tuple(map(TensorOperand, TYPES))
VARIANTS = {
    torch.float32: ((None, False), (None, True)),
    torch.bfloat16: ((None, False), (None, True)),
    torch.int32: ((None, False), (torch.float32, False)),
}
"""Types of results, the natural one being None, and whether with texts of our own; by the type of the first tile."""


def calls(operator: torch._ops.OpOverload) -> Iterator[Call]:
    """Calls with every kind of argument that the operator may be given."""
    others = (*map(TensorOperand, SECOND), *NUMBERS)
    positional = [a for a in operator._schema.arguments if not a.kwarg_only]
    kinds = [str(argument.type) for argument in positional]
    if operator is torch.ops.prims.convert_element_type.default:
        yield from (((TensorOperand(one), to), {}) for one in ALL_TYPES for to in ALL_TYPES)
    elif operator is aten.clamp.default:
        yield from (((tile, *bounds), {}) for tile in TILES for bounds in BOUNDS)
    elif operator is aten.gelu.default:
        yield from (((tile,), {"approximate": how}) for tile in TILES for how in ("tanh", "none"))
    elif operator is aten.where.self:
        for mask, x, y in itertools.product((torch.bool, torch.uint8), TYPES, SECOND):
            yield tuple(map(TensorOperand, (mask, x, y))), {}
    elif operator is aten.masked_fill.Scalar:
        mask = TensorOperand(torch.bool)
        yield from (((tile, mask, number), {}) for tile in TILES for number in NUMBERS)
    elif len(kinds) == 1:
        yield from (((tile,), {}) for tile in TILES)
    elif kinds[1] == "Tensor":
        yield from (((tile, other), {}) for tile in TILES for other in others)
    else:
        yield from (((tile, number), {}) for tile in TILES for number in NUMBERS)


def by_torch(operator: torch._ops.OpOverload, call: Call) -> torch.dtype | None:
    """The type of the result by torch itself; None where it refuses."""
    args, kwargs = call
    try:
        result: torch.Tensor = operator(*map(stand_in, args), **kwargs)
    except (RuntimeError, TypeError, ValueError, OverflowError):
        return None
    return result.dtype


def stand_in(argument: Any) -> Any:
    match argument:
        case TensorOperand():
            return torch.empty(3, dtype=argument.dtype, device="meta")
        case ScalarOperand():
            return {"int": 3, "float": 3.5, "bool": True}[argument.kind]
    return argument


def own(quick: bool) -> dict[str, Any]:
    """Options for every text of our own, or for none."""
    return {"approximated": frozenset(APPROXIMATIONS if quick else ()), "elementary": quick}


def by_inductor(
    operator: torch._ops.OpOverload, call: Call, variants: Sequence[tuple[torch.dtype, bool]]
) -> list[PointwiseTemplate]:
    """TorchInductor's text of a call for each type of result, with texts of our own or not; lowered once."""
    with lowering_settings(CUDA):
        lowered = lower_call(operator, *call, CUDA)
        return [
            template_of(operator, lowered, result, CUDA, **own(quick)) for result, quick in variants
        ]


@pytest.mark.parametrize("operator", USUAL_OPERATORS, ids=str)
def test_the_text_is_that_of_inductor(operator: torch._ops.OpOverload) -> None:
    answered = 0
    for args, kwargs in calls(operator):
        natural = by_torch(operator, (args, kwargs)) or torch.float32
        found = {
            (result or natural, quick): usual_template(
                operator, args, kwargs, result or natural, **own(quick)
            )
            for result, quick in VARIANTS.get(args[0].dtype, ((None, False),))
        }
        known = {variant: text for variant, text in found.items() if text is not None}
        if known:
            answered += len(known)
            expected = by_inductor(operator, (args, kwargs), [*known])
            assert [*known.values()] == expected, (args, kwargs, [*known])
    assert answered >= 4  # float32, bfloat16 and so on: an operator is in the table to be answered


@pytest.mark.parametrize("quick", [False, True])
def test_lowering_once_gives_what_is_asked_for_alone(quick: bool) -> None:
    """What `inductor_template` does for one variant is what the test above does for several."""
    call = (TensorOperand(torch.bfloat16),), {}
    for result in (torch.bfloat16, torch.float32):
        both = by_inductor(aten.sigmoid.default, call, [(torch.int32, False), (result, quick)])
        alone = inductor_template(aten.sigmoid.default, *call, result, CUDA, **own(quick))
        assert both[1] == alone


@pytest.mark.parametrize("operator", USUAL_OPERATORS, ids=str)
def test_the_type_is_that_of_torch(operator: torch._ops.OpOverload) -> None:
    answered = 0
    for args, kwargs in calls(operator):
        found = usual_dtype(operator, [stand_in(argument) for argument in args], kwargs)
        if found is not None:
            answered += 1
            assert found == by_torch(operator, (args, kwargs)), (args, kwargs)
    assert answered >= 4


@pytest.mark.parametrize(
    ("operator", "args"),
    [
        (aten.add.Tensor, (TensorOperand(torch.float32), TensorOperand(torch.float8_e4m3fn))),
        (aten.mul.Tensor, (TensorOperand(torch.bool), TensorOperand(torch.bool))),
        (aten.gt.Scalar, (TensorOperand(torch.bfloat16), 0.1)),
        (aten.pow.Tensor_Scalar, (TensorOperand(torch.float32), 3)),
        (aten.erf.default, (TensorOperand(torch.float32),)),
        (
            aten.reciprocal.default,
            (TensorOperand(torch.float32),),
        ),  # its text depends on torch's version
    ],
)
def test_what_is_not_known_is_left_to_inductor(
    operator: torch._ops.OpOverload, args: tuple[Any, ...]
) -> None:
    assert usual_template(operator, args, {}, torch.float32) is None


def test_keywords_are_left_to_inductor() -> None:
    tile = TensorOperand(torch.float32)
    assert usual_template(aten.add.Tensor, (tile, tile), {"alpha": 2}, torch.float32) is None
