"""``fast_math``: float32 by approximate instructions where it is asked for, and nothing else changes."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import helion
import helion.language as hl
from helion_compiler.torch_bridge.approximations import APPROXIMATIONS

ULP = 2.0**-23


def both(function: Any, *arguments: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, str]:
    """What a function of elements gives with `fast_math` in the interpreter, in float64, and its source."""

    @helion.kernel(fast_math=True, config=helion.Config())
    def kernel(function: Any, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(first)
        for tile in hl.tile(first.size()):
            out[tile] = function(first[tile], second[tile])
        return out

    first, second = arguments[0], arguments[-1]
    source = kernel.bind((function, first, second)).to_triton_code(helion.Config())
    return kernel(function, first, second), function(first.double(), second.double()), source


def numbers(low: float, high: float) -> torch.Tensor:
    special = torch.tensor([0.0, -0.0, 1.0, -1.0, low, high, torch.nan, torch.inf, -torch.inf])
    return torch.cat([special, torch.linspace(low, high, 1000)])


RELATIVE = {
    "exp": (lambda x, _: torch.exp(x), (-80, 80), 2 + 1.173 * 80, "tl.exp2("),
    "exp2": (lambda x, _: torch.exp2(x), (-120, 120), 2, "tl.exp2("),
    "sqrt": (lambda x, _: torch.sqrt(x), (0, 1e6), 1, "tl_math.sqrt("),
    "truediv": (lambda x, y: x / (y * y + 1), (-100, 100), 4, "libdevice.fast_dividef("),
}


@pytest.mark.parametrize("name", RELATIVE)
def test_errors_are_as_the_documentation_says(name: str) -> None:
    """Of the formulas: the interpreter computes what GPUs approximate by an instruction."""
    function, (low, high), ulps, text = RELATIVE[name]
    x = numbers(low, high)
    found, exact, source = both(function, x)
    assert text in source
    torch.testing.assert_close(
        found.double(), exact, rtol=ulps * ULP, atol=2.0**-126, equal_nan=True
    )


def test_tanh_has_an_absolute_error() -> None:
    x = torch.cat([numbers(-20, 20), torch.linspace(-1e-3, 1e-3, 1000)])
    found, exact, source = both(lambda x, _: torch.tanh(x), x)
    assert "libdevice.tanh" not in source
    torch.testing.assert_close(found.double(), exact, rtol=0, atol=2.0**-21, equal_nan=True)


def test_every_approximation_is_tried() -> None:
    assert APPROXIMATIONS.keys() == RELATIVE.keys() | {"tanh"}


def test_what_is_held_in_float32_is_approximate_too() -> None:
    _, _, source = both(lambda x, _: torch.exp(x), torch.randn(7, dtype=torch.bfloat16))
    assert "tl.exp2(" in source


def test_doubles_are_as_exact_as_ever() -> None:
    x = torch.linspace(-3, 3, 100, dtype=torch.float64)
    found, exact, source = both(lambda x, y: torch.tanh(torch.exp(x) / (y * y + 1)), x)
    assert all(text.partition("(")[0] not in source for text in ("tl.exp2(", "fast_dividef"))
    torch.testing.assert_close(found, exact, rtol=1e-14, atol=0)


def test_it_is_off_unless_asked_for() -> None:
    @helion.kernel
    def plain(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        for tile in hl.tile(x.size()):
            out[tile] = torch.exp(x[tile]) / torch.tanh(x[tile])
        return out

    source = plain.bind((torch.randn(9),)).to_triton_code(helion.Config())
    assert "libdevice.exp(" in source
    assert "hyperbolic_tangent(" in source
    assert " = (exp / tanh)" in source
