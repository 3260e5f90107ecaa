"""Templates as kernels: what they compute is what torch computes in eager mode, and they compile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import pytest
import torch

from helion_compiler.torch_bridge.pointwise import (
    PointwiseTemplate,
    ScalarOperand,
    TensorOperand,
    lower_pointwise,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

aten = torch.ops.aten
prims = torch.ops.prims

ELEMENTS = 64
F64, F32, F16, BF16 = torch.float64, torch.float32, torch.float16, torch.bfloat16
E4M3, E5M2 = torch.float8_e4m3fn, torch.float8_e5m2
I64, I32, I16, I8, U8, BOOL = (
    torch.int64,
    torch.int32,
    torch.int16,
    torch.int8,
    torch.uint8,
    torch.bool,
)


@attrs.frozen
class Number:
    """A number that the kernel receives when it runs."""

    value: float


@attrs.frozen
class Case:
    """A call in which a dtype stands for a tile."""

    operator: torch._ops.OpOverload
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    @property
    def name(self) -> str:
        words = [str(self.operator), *map(str, self.args), *map(str, self.kwargs.items())]
        return "_".join("".join(c if c.isalnum() else "_" for c in word) for word in words)

    def values(self) -> tuple[Any, ...]:
        """Concrete arguments: tensors for dtypes."""
        return tuple(
            tile(arg, seed) if isinstance(arg, torch.dtype) else arg
            for seed, arg in enumerate(self.args)
        )

    def expected(self) -> torch.Tensor:
        plain = (arg.value if isinstance(arg, Number) else arg for arg in self.values())
        return self.operator(*plain, **self.kwargs)

    def operands(self) -> tuple[Any, ...]:
        """What the kernel receives."""
        return tuple(
            arg.value if isinstance(arg, Number) else arg
            for arg in self.values()
            if isinstance(arg, (torch.Tensor, Number))
        )

    def template(self) -> PointwiseTemplate:
        return lower_pointwise(
            self.operator,
            tuple(map(operand, self.args)),
            self.kwargs,
            self.expected().dtype,
        )


def operand(arg: Any) -> Any:
    if isinstance(arg, torch.dtype):
        return TensorOperand(arg)
    return ScalarOperand(type(arg.value).__name__) if isinstance(arg, Number) else arg


def tile(dtype: torch.dtype, seed: int) -> torch.Tensor:
    """Values of every kind that the type has; equal ones in a few places for different seeds."""
    generator = torch.Generator().manual_seed(seed)
    if dtype == BOOL:
        return torch.randint(0, 2, (ELEMENTS,), generator=generator).to(BOOL)
    if not dtype.is_floating_point:
        low = 0 if dtype == U8 else -9
        return torch.randint(low, 10, (ELEMENTS,), generator=generator).to(dtype)
    special = torch.tensor(
        [float("nan"), float("inf"), -float("inf"), 0.0, -0.0, 1.0, -1.0, 0.5, 1.5, 2.5, -0.5, -1.5]
    )
    if dtype in (E4M3, E5M2):
        special = special.nan_to_num(nan=2.0, posinf=3.0, neginf=-3.0)
    values = torch.randn(ELEMENTS, generator=generator) * 3
    order = torch.randperm(len(special), generator=generator)
    values[: len(special)] = special[order]
    return values.to(dtype)


def case(operator: torch._ops.OpOverload, *args: Any, **kwargs: Any) -> Case:
    return Case(operator, args, kwargs)


UNARY = [
    aten.abs, aten.acos, aten.asin, aten.atan, aten.ceil, aten.cos, aten.cosh, aten.erf, aten.erfc,
    aten.exp, aten.exp2, aten.expm1, aten.floor, aten.hardswish, aten.isinf, aten.isnan, aten.log,
    aten.log10, aten.log1p, aten.log2, aten.logical_not, aten.mish, aten.neg, aten.reciprocal,
    aten.relu, aten.relu6, aten.round, aten.rsqrt, aten.sigmoid, aten.sign, aten.signbit, aten.silu,
    aten.sin, aten.sinh, aten.softplus, aten.sqrt, aten.tan, aten.tanh, aten.trunc,
]  # fmt: skip
BINARY = [
    aten.add.Tensor, aten.atan2.default, aten.copysign.Tensor, aten.div.Tensor, aten.eq.Tensor,
    aten.fmod.Tensor, aten.ge.Tensor, aten.hypot.default, aten.logaddexp.default, aten.lt.Tensor,
    aten.logical_and.default, aten.maximum.default, aten.minimum.default, aten.mul.Tensor,
    aten.pow.Tensor_Tensor, aten.remainder.Tensor, aten.sub.Tensor, aten.xlogy.Tensor,
]  # fmt: skip
CASES = [
    *(case(packet.default, dtype) for packet in UNARY for dtype in (F32, BF16)),
    *(case(operator, dtype, dtype) for operator in BINARY for dtype in (F32, BF16)),
    # types
    case(aten.add.Tensor, F32, BF16),
    case(aten.add.Tensor, F16, BF16),
    case(aten.add.Tensor, I32, F16),
    case(aten.mul.Tensor, I32, 2.5),
    case(aten.mul.Tensor, BOOL, F32),
    case(aten.add.Tensor, U8, I8),
    case(aten.mul.Tensor, F64, F32),
    case(aten.div.Tensor, I32, I32),
    case(aten.exp.default, I32),
    case(aten.tanh.default, F16),
    case(aten.where.self, BOOL, F32, BF16),
    case(aten.where.self, BOOL, I32, I64),
    case(aten.where.ScalarOther, BOOL, F32, 1.5),
    # constants and numbers known at run time
    case(aten.add.Tensor, BF16, BF16, alpha=3),
    case(aten.sub.Tensor, I32, I32, alpha=2),
    case(aten.add.Scalar, F32, 0.1),
    case(aten.mul.Tensor, BF16, 0.1),
    case(aten.mul.Tensor, BF16, Number(0.1)),
    case(aten.add.Tensor, F32, Number(3)),
    case(aten.mul.Tensor, I32, Number(2.5)),
    case(aten.mul.Tensor, I32, Number(7)),
    case(aten.add.Tensor, U8, Number(5)),
    case(aten.gt.Scalar, F32, Number(0.5)),
    case(aten.gt.Scalar, BF16, Number(0.1)),
    case(aten.gt.Scalar, BF16, 0.1),
    case(aten.logical_or.default, BOOL, BOOL),
    case(aten.pow.Tensor_Scalar, F32, Number(2.5)),
    case(aten.pow.Tensor_Scalar, F32, 2),
    case(aten.pow.Tensor_Scalar, F32, 0.5),
    case(aten.pow.Tensor_Scalar, F32, 3),
    case(aten.pow.Scalar, 2.0, F32),
    case(aten.rsub.Scalar, F32, 1),
    case(aten.leaky_relu.default, F32, Number(0.1)),
    case(aten.clamp.default, F32, -1.0, 1.0),
    case(aten.clamp.default, BF16, None, 0.5),
    case(aten.clamp.default, F32, Number(-1.0), None),
    case(aten.clamp.Tensor, F32, F32, F32),
    case(aten.clamp_min.default, I32, 2),
    case(aten.full_like.default, F32, 2.5),
    case(aten.zeros_like.default, I32),
    # whole numbers and bits
    *(case(operator, I32, I32) for operator in (aten.add.Tensor, aten.eq.Tensor, aten.maximum.default)),
    case(aten.div.Tensor_mode, F32, F32, rounding_mode="floor"),
    case(aten.div.Tensor_mode, F32, F32, rounding_mode="trunc"),
    case(aten.div.Tensor_mode, BF16, F32, rounding_mode="floor"),
    case(aten.div.Scalar_mode, F32, 0.1, rounding_mode="floor"),
    case(aten.div.Tensor_mode, I32, Number(0.1), rounding_mode="floor"),
    case(aten.div.Scalar_mode, I32, 3, rounding_mode="floor"),
    case(aten.div.Scalar_mode, I32, -3, rounding_mode="trunc"),
    case(aten.div.Scalar_mode, I32, Number(3), rounding_mode="floor"),
    case(aten.floor_divide.default, F32, F32),
    case(aten.remainder.Scalar, I32, 4),
    case(aten.remainder.Scalar, I32, Number(-4)),
    case(aten.fmod.Scalar, I32, 4),
    case(aten.bitwise_and.Tensor, I32, I32),
    case(aten.bitwise_or.Tensor, BOOL, BOOL),
    case(aten.bitwise_xor.Scalar, I32, 5),
    case(aten.bitwise_not.default, I32),
    case(aten.bitwise_not.default, BOOL),
    case(aten.logical_not.default, BOOL),
    case(aten.add.Tensor, I32, Number(value=True)),
    case(aten.logical_and.default, I32, F32),
    case(aten.bitwise_left_shift.Tensor_Scalar, I32, 3),
    case(aten.bitwise_right_shift.Tensor_Scalar, I32, 1),
    case(aten.pow.Tensor_Scalar, I32, 3),
    case(aten.sign.default, I32),
    case(aten.abs.default, I32),
    case(aten.neg.default, I16),
    case(aten.logical_xor.default, I32, BOOL),
    # casts
    case(aten._to_copy.default, F32, dtype=BF16),
    case(aten._to_copy.default, BF16, dtype=F32),
    case(aten._to_copy.default, I32, dtype=F32),
    case(aten._to_copy.default, I32, dtype=BOOL),
    case(aten._to_copy.default, BOOL, dtype=I32),
    case(aten._to_copy.default, F16, dtype=F32),
    case(aten._to_copy.default, F32, dtype=E4M3),
    case(aten._to_copy.default, F32, dtype=E5M2),
    case(aten._to_copy.default, E4M3, dtype=F32),
    case(aten._to_copy.default, E4M3, dtype=E5M2),
    case(aten._to_copy.default, E4M3, dtype=BF16),
    case(prims.convert_element_type.default, F32, dtype=F16),
    case(prims.convert_element_type.default, BF16, dtype=F32),
    # several steps in one operator
    case(aten.gelu.default, BF16, approximate="tanh"),
    case(aten.gelu.default, F32),
    case(aten.gelu.default, F32, approximate="tanh"),
    case(aten.elu.default, F32),
    case(aten.elu.default, F32, Number(0.7)),
    case(aten.hardshrink.default, F32, Number(0.7)),
    case(aten.softplus.default, F32, Number(2.0)),
    case(aten.hardtanh.default, F32),
    case(aten.addcmul.default, F32, F32, F32, value=0.5),
    case(aten.addcmul.default, BF16, BF16, BF16),
    case(aten.addcdiv.default, F32, F32, F32),
    case(aten.lerp.Scalar, F32, F32, 0.25),
    case(aten.lerp.Tensor, F32, F32, F32),
    case(aten.nan_to_num.default, F32),
    case(aten.threshold.default, F32, 0.5, 2.0),
    case(aten.masked_fill.Scalar, F32, BOOL, -1.0),
    case(aten.sigmoid_backward.default, F32, F32),
    case(aten.tanh_backward.default, F32, F32),
    case(aten.gelu_backward.default, F32, F32),
]  # fmt: skip
FLOAT8 = {E4M3, E5M2}


def ids(cases: list[Case]) -> list[str]:
    return [each.name for each in cases]


def interpretable(each: Case) -> bool:
    """Triton's interpreter converts to and from 8-bit floats wrongly: those are compiled only."""
    dtypes = {*each.args, *each.kwargs.values()}
    return not dtypes & FLOAT8


RUN = [each for each in CASES if interpretable(each)]


@pytest.fixture(scope="module")
def results(interpreted: Any, make_job: Any) -> Mapping[str, torch.Tensor | str]:
    return interpreted([make_job(each.name, each.template(), each.operands()) for each in RUN])


def test_names_are_unique() -> None:
    assert len({each.name for each in CASES}) == len(CASES)


@pytest.mark.parametrize("each", RUN, ids=ids(RUN))
def test_equals_eager(each: Case, results: Mapping[str, torch.Tensor | str]) -> None:
    expected, found = each.expected(), results[each.name]
    assert isinstance(found, torch.Tensor), found
    assert found.dtype == expected.dtype
    if each.operator is aten.gelu.default:
        # In float64: the float32 of eager mode is oneDNN's, which gives NaN at +infinity where the CPU
        # has AVX-512 (pytorch issue 185770). At -infinity eager modes differ: -0, NaN or 0.
        (values,) = each.operands()
        expected = aten.gelu.default(values.double(), **each.kwargs).to(expected.dtype)
        assert found[values.isposinf()].isposinf().all()
        defined = ~values.isneginf()
        expected, found = expected[defined], found[defined]
    # The interpreter truncates where a float32 becomes bfloat16: one unit in the last place.
    tolerance = {BF16: 2.0**-7, F16: 2.0**-10}.get(expected.dtype, 2e-6)
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance / 4, equal_nan=True)


@pytest.mark.parametrize("each", CASES, ids=ids(CASES))
def test_compiles_for_sm_90(each: Case, compiled: Any, make_job: Any) -> None:
    assert ".target sm_90" in compiled(make_job(each.name, each.template(), each.operands()))
