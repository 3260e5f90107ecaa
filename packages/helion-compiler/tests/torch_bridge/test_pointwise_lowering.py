"""What `lower_pointwise` returns and refuses; what its text computes is tested with the templates."""

from __future__ import annotations

import string
import subprocess
import sys
from typing import Any

import pytest
import torch

from helion_compiler.torch_bridge.pointwise import (
    IMPORTS,
    NotPointwise,
    ScalarOperand,
    TensorOperand,
    lower_pointwise,
)

aten = torch.ops.aten
FLOAT = TensorOperand(torch.float32)
BFLOAT = TensorOperand(torch.bfloat16)


def test_text_of_a_sum() -> None:
    template = lower_pointwise(aten.add.Tensor, (BFLOAT, FLOAT), {}, torch.float32)
    assert template.lines == (("t0", "{0}.to(tl.float32)"), ("t1", "{t0} + {1}"))
    assert template.result == "{t1}"
    assert template.uses == frozenset()


def test_low_precision_is_rounded_once_at_the_end() -> None:
    template = lower_pointwise(aten.silu.default, (BFLOAT,), {}, torch.bfloat16)
    roundings = [name for name, text in template.lines if text.endswith(".to(tl.bfloat16)")]
    assert roundings == [template.result.strip("{}")]


def test_a_cast_to_the_same_type_is_the_operand() -> None:
    template = lower_pointwise(aten._to_copy.default, (FLOAT,), {}, torch.float32)
    assert (template.lines, template.result) == ((), "{0}")


def test_the_result_can_be_asked_for_in_another_type() -> None:
    template = lower_pointwise(aten.add.Tensor, (FLOAT, FLOAT), {}, torch.float16)
    assert template.lines[-1] == ("t1", "{t0}.to(tl.float16)")
    assert template.result_dtype == torch.float16


def test_every_field_is_an_operand_or_an_earlier_line() -> None:
    template = lower_pointwise(aten.gelu.default, (BFLOAT,), {}, torch.bfloat16)
    known = {"0"}
    for name, text in template.lines:
        fields = {field for _, field, _, _ in string.Formatter().parse(text) if field}
        assert fields <= known
        known.add(name)
    assert template.uses == {"libdevice"}
    assert template.uses <= set(IMPORTS)


def test_constants_of_different_types_are_different_calls() -> None:
    integer = TensorOperand(torch.int32)
    whole = lower_pointwise(aten.mul.Tensor, (integer, 1), {}, torch.int32)
    real = lower_pointwise(aten.mul.Tensor, (integer, 1.0), {}, torch.float32)
    again = lower_pointwise(aten.mul.Tensor, (integer, 1), {}, torch.int32)
    assert whole is again
    assert whole.lines != real.lines


def test_operands_in_keywords_come_last() -> None:
    scalar = ScalarOperand("float")
    template = lower_pointwise(aten.add.Tensor, (FLOAT, FLOAT), {"alpha": scalar}, torch.float32)
    assert any("{2}" in text for _, text in template.lines)


@pytest.mark.parametrize("device_kind", ["cuda", "cpu"])
def test_lowering_needs_no_device(device_kind: str) -> None:
    template = lower_pointwise(aten.sqrt.default, (FLOAT,), {}, torch.float32, device_kind)
    assert template.lines == (("t0", "tl.sqrt_rn({0})"),)


@pytest.mark.parametrize(
    ("operator", "args", "reason"),
    [
        (aten.sum.default, (FLOAT,), "Reduction"),
        (aten.amax.default, (FLOAT, [0]), "Reduction"),
        (aten.cumsum.default, (FLOAT, 0), "Scan"),
        (aten.flip.default, (FLOAT, [0]), "other elements"),
        (aten.cat.default, ([FLOAT, FLOAT],), "position"),
        (aten.unsqueeze.default, (FLOAT, 0), "view"),
        (aten.add_.Tensor, (FLOAT, FLOAT), "writes"),
        (aten.bernoulli.default, (FLOAT,), "random"),
        (aten.native_dropout.default, (FLOAT, 0.5, True), "random"),
        (aten.sort.default, (FLOAT,), "2 values"),
        (aten.digamma.default, (FLOAT,), "library"),
        (aten.view.dtype, (FLOAT, torch.int16), "differ in size"),
        (aten.view.dtype, (TensorOperand(torch.bool), torch.int8), "cannot view"),
        (aten.cumsum.default, (FLOAT, 1), "on single elements"),
        (aten.gather.default, (FLOAT, 0, TensorOperand(torch.int64)), "places that it computes"),
        (aten.scatter.src, (FLOAT, 0, TensorOperand(torch.int64), FLOAT), "writes to elements"),
        pytest.param(
            aten.lerp.Scalar,
            (FLOAT, FLOAT, ScalarOperand("float")),
            "branches on the value",
            marks=pytest.mark.skipif(
                torch.__version__ < "2.13", reason="this torch lowers it without a branch"
            ),
        ),
        (aten.abs.default, (TensorOperand(torch.complex64),), "complex64"),
    ],
)
def test_refuses_with_a_reason(
    operator: torch._ops.OpOverload, args: tuple[Any, ...], reason: str
) -> None:
    with pytest.raises(NotPointwise, match=reason) as refused:
        lower_pointwise(operator, args, {}, torch.float32)
    assert refused.value.operator == str(operator)


def test_a_tensor_is_no_argument() -> None:
    with pytest.raises(TypeError, match="TensorOperand"):
        lower_pointwise(aten.relu.default, (torch.ones(3),), {}, torch.float32)


def test_importing_the_compiler_does_not_load_inductor() -> None:
    program = (
        "import sys, helion_compiler.compiled_kernel\n"
        "sys.exit(any(f'torch.{part}' in sys.modules for part in ('_inductor', '_dynamo')))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
