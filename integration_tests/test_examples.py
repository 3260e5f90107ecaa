"""The examples, in each of the three ways to run, compared with torch in float64."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import torch

import helion

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES = Path(__file__).parent.parent / "examples"

# Relative to the norm of the result: the dtype's rounding of inputs of size 1, with room for sums of some 100 terms.
TOLERANCE = {torch.float32: 1e-5, torch.float16: 2e-3, torch.bfloat16: 1e-2}


@attrs.frozen
class Case:
    """A kernel of ``examples/``, the shapes of its tensors, and what torch computes of them.

    ``finish`` makes the kernel's arguments of the tensors, where they are not the tensors themselves.
    """

    example: str
    kernel: str
    shapes: tuple[tuple[int, ...], ...]
    reference: Callable[..., torch.Tensor]
    finish: Callable[..., tuple[Any, ...]] = lambda *tensors: tensors


def with_epilogue(x: torch.Tensor, y: torch.Tensor, bias: torch.Tensor) -> tuple[Any, ...]:
    return x, y, lambda acc, tiles: torch.relu(acc + bias[tiles[1]])


CASES = [
    Case("matmul", "matmul", ((130, 70), (70, 97)), torch.matmul),
    Case("add", "add", ((5, 1, 33), (17, 33)), torch.add),
    Case("softmax", "softmax", ((19, 300),), lambda x: torch.softmax(x, dim=1)),
    Case(
        "matmul_epilogue",
        "matmul_epilogue",
        ((130, 70), (70, 97), (97,)),
        lambda x, y, bias: torch.relu(x @ y + bias),
        with_epilogue,
    ),
]


@pytest.fixture(params=CASES, ids=lambda case: case.kernel)
def case(request: pytest.FixtureRequest) -> Case:
    chosen: Case = request.param
    return chosen


@pytest.fixture
def kernel(case: Case) -> helion.Kernel[..., torch.Tensor]:
    """The example's kernel, its module executed anew so that no test sees another's settings."""
    spec = importlib.util.spec_from_file_location(case.example, EXAMPLES / f"{case.example}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: helion.Kernel[..., torch.Tensor] = getattr(module, case.kernel)
    return found


def check(
    kernel: helion.Kernel[..., torch.Tensor], case: Case, dtype: torch.dtype, device: str
) -> None:
    generator = torch.Generator().manual_seed(0)
    tensors = [torch.randn(shape, generator=generator).to(device, dtype) for shape in case.shapes]
    result = kernel(*case.finish(*tensors))
    expected = case.reference(*(tensor.double() for tensor in tensors))
    assert result.dtype == dtype
    assert result.shape == expected.shape
    assert (result.double() - expected).norm() <= TOLERANCE[dtype] * expected.norm()


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_in_reference_mode(
    kernel: helion.Kernel[..., torch.Tensor], case: Case, dtype: torch.dtype
) -> None:
    kernel.settings = helion.Settings(ref_mode=True)
    check(kernel, case, dtype, "cpu")


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_interpreted(
    kernel: helion.Kernel[..., torch.Tensor], case: Case, dtype: torch.dtype
) -> None:
    check(kernel, case, dtype, "cpu")


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_on_a_gpu(kernel: helion.Kernel[..., torch.Tensor], case: Case, dtype: torch.dtype) -> None:
    kernel.settings = helion.Settings(autotune_effort="none", dot_precision="ieee")
    check(kernel, case, dtype, "cuda")


def test_every_example_is_here() -> None:
    programs = {"demo"}
    assert {path.stem for path in EXAMPLES.glob("*.py")} - programs == {
        case.example for case in CASES
    }
