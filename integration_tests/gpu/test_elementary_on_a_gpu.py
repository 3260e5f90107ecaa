"""Logarithms, tangents and logistic functions on a GPU, for every float there is: the instructions that they begin with
are approximate, and only there.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion
import helion.language as hl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.gpu

PART = 1 << 26
LEAST_LOGISTIC = -128 * math.log(2)


@helion.kernel(config=helion.Config(block_sizes=[1024], num_warps=4))
def applied(function: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """A function of elements."""
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        out[tile] = function(x[tile])
    return out


def every_float() -> Iterator[torch.Tensor]:
    """All of them, in parts."""
    for begin in range(-(1 << 31), 1 << 31, PART):
        bits = torch.arange(begin, begin + PART, device="cuda", dtype=torch.int64)
        yield bits.to(torch.int32).view(torch.float32)


def errors(found: torch.Tensor, exact: torch.Tensor) -> torch.Tensor:
    """In units in the last place; infinite where one of the two is not finite and the other differs."""
    rounded = exact.float()
    finite = found.isfinite() & rounded.isfinite()
    same = torch.where(found.isnan(), rounded.isnan(), found == rounded)
    _, exponent = torch.frexp(exact)
    unit = torch.ldexp(torch.ones_like(exact), (exponent - 24).clamp(min=-149))
    off = (found.double() - exact).abs() / unit
    return torch.where(finite, off, torch.where(same, 0.0, math.inf))


@pytest.mark.parametrize(
    ("function", "bound"), [(torch.log, 0.92), (torch.tanh, 2.3)], ids=["log", "tanh"]
)
def test_errors_are_as_the_documentation_says(function: Any, bound: float) -> None:
    for x in every_float():
        found = errors(applied(function, x), function(x.double()))
        place = found.argmax()
        assert found[place] < bound, f"{found[place].item()} ulp at {x[place].item()!r}"


def test_the_logistic_function_is_as_exact_as_its_exponential() -> None:
    for x in every_float():
        found, exact = applied(torch.sigmoid, x), torch.sigmoid(x.double())
        # In float32 the bound would be the first float beyond it.
        least = x.double() < LEAST_LOGISTIC
        assert (found[least] == 0).all()
        bound = 4 + 1.173 * x.double().abs().clamp(max=90).nan_to_num()
        off = torch.where(least, 0.0, errors(found, exact) - bound)
        place = off.argmax()
        assert off[place] <= 0, f"{found[place].item()!r} at {x[place].item()!r}"


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_rough_gates_are_as_exact_as_their_rounding(dtype: torch.dtype) -> None:
    """Of every float of 16 bits."""
    x = torch.arange(-(1 << 15), 1 << 15, device="cuda").to(torch.int16).view(dtype)
    found, exact = applied(torch.nn.functional.silu, x), torch.nn.functional.silu(x.double())
    none = (x.double() < LEAST_LOGISTIC) & x.isfinite()
    assert (found[none] == 0).all()
    assert torch.equal(found.isnan(), exact.isnan())
    fits = ~none & exact.isfinite() & (exact.abs() >= torch.finfo(dtype).tiny)
    torch.testing.assert_close(
        found[fits].double(), exact[fits], rtol=0.51 * torch.finfo(dtype).eps, atol=0
    )


def test_bfloat16_is_widened_exactly() -> None:
    x = torch.arange(-(1 << 15), 1 << 15, device="cuda").to(torch.int16).view(torch.bfloat16)
    found = applied(lambda values: values * 1, x)
    torch.testing.assert_close(found, x, rtol=0, atol=0, equal_nan=True)
