"""What host operators are told to give is what torch says that they give, and needs no Dynamo."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from helion_compiler.tracing.quick_fakes import quick_fake

aten: Any = torch.ops.aten
DTYPES = [torch.bool, torch.uint8, torch.int64, torch.float16, torch.bfloat16, torch.float64]
NAMES = ("eq", "ne", "lt", "le", "gt", "ge", "div", "add", "sub", "mul")
OPERATORS = [getattr(getattr(aten, name), kind) for name in NAMES for kind in ("Scalar", "Tensor")]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("operator", OPERATORS, ids=str)
def test_results_are_like_torchs(operator: Any, dtype: torch.dtype) -> None:
    with FakeTensorMode():
        whole, none = torch.empty(4, 6, dtype=dtype), torch.empty((), dtype=torch.float32)
        firsts = [whole, whole.t(), whole[:, ::2], whole[:0], torch.empty((), dtype=dtype)]
        numbers: list[Any] = [3, 2.5, True]
        tensors = [none, whole[0, 0]]
        for first in firsts:
            for other in numbers if operator._overloadname == "Scalar" else tensors:
                told = quick_fake(operator, (first, other), {})
                if told is None:  # sums of bools are torch's own matter
                    assert operator in OPERATORS[-6:]
                    assert dtype is torch.bool
                    continue
                expected = operator(first, other)
                assert (told.dtype, told.shape) == (expected.dtype, expected.shape)
                assert told.stride() == expected.stride()


def test_torch_is_asked_for_all_else() -> None:
    with FakeTensorMode():
        x, row = torch.empty(4, 6), torch.empty(6)
        assert quick_fake(aten.ne.Tensor, (x, row), {}) is None
        assert quick_fake(aten.div.Tensor_mode, (x, 3), {"rounding_mode": "floor"}) is None
        assert quick_fake(aten.mean.default, (x.long(),), {}) is None
        assert quick_fake(aten.add.Tensor, (x, x), {}) is None
        assert quick_fake(aten.add.Tensor, (x, 2), {"alpha": 3}) is None


def test_a_kernel_with_such_host_code_imports_no_dynamo(tmp_path: Any) -> None:
    module = tmp_path / "loss.py"
    module.write_text(
        textwrap.dedent(
            """
            import sys
            import torch
            import helion
            import helion.language as hl

            @helion.kernel()
            def loss(x: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
                out = torch.empty_like(x)
                counted = (labels != -100).sum().view(1)
                for tile in hl.tile(x.size(0)):
                    out[tile] = x[tile] / counted[0]
                return out.sum() / x.size(0) + out.mean()

            x = torch.ones(9)
            loss.bind((x, x.long())).to_triton_code()
            sys.exit("torch._dynamo" in sys.modules)
            """
        )
    )
    assert subprocess.run([sys.executable, str(module)], check=False).returncode == 0
