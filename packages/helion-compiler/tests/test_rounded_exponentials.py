"""Exponentials are right in all digits where somebody sees them, and in those that are left by rounding elsewhere."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

import helion
import helion.language as hl

EXACT, ROUGH = "libdevice.exp(", "tl.exp2("
HALF, BRAIN = torch.float16, torch.bfloat16


def rows(function: Any, dtype: torch.dtype) -> Any:
    """A kernel that stores what ``function`` makes of rows in float32."""

    @helion.kernel(config=helion.Config(block_sizes=[2]))
    def kernel(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty(x.size(), dtype=dtype)
        for tile in hl.tile(x.size(0)):
            out[tile, :] = function(x[tile, :].to(torch.float32)).to(dtype)
        return out

    return kernel


def source(kernel: Any, *arguments: Any) -> str:
    text: str = kernel.bind(arguments).to_triton_code(helion.Config(block_sizes=[2]))
    return text


ROUNDED = {
    "itself": torch.exp,
    "softmax": lambda row: torch.softmax(row, -1),
    "logistic": lambda row: 1 / (1 + torch.exp(-row)),
    "root": lambda row: torch.exp(row).sqrt() * row,
    "root of a sum": lambda row: torch.rsqrt(torch.exp(row).sum(-1, keepdim=True) + 1) * row,
    "greater": lambda row: torch.maximum(torch.exp(row), row),
    "chosen": lambda row: torch.where(row > 0, row, torch.exp(row)),
    "weighed": lambda row: torch.exp(row) * row / torch.exp(row).sum(-1, keepdim=True),
    "sum of products": lambda row: (torch.exp(row) * row.abs()).sum(-1, keepdim=True) * row,
}
SEEN = {
    "difference": lambda row: torch.exp(row) - 1,
    "sum with a negative number": lambda row: torch.exp(row) + -1.0,
    "sum with what may be negative": lambda row: torch.exp(row) + row,
    "logarithm": lambda row: torch.log(torch.exp(row).sum(-1, keepdim=True)) + row,
    "sum of both signs": lambda row: (torch.exp(row) * row).sum(-1, keepdim=True) * row,
    "comparison": lambda row: (torch.exp(row) > 1).to(torch.float32),
    "exponent": lambda row: torch.exp(torch.exp(row) - row),
    "power": lambda row: torch.pow(torch.exp(row), 100.0),
    "whole number": lambda row: torch.exp(row).to(torch.int32).to(torch.float32),
    "scan": lambda row: torch.cumsum(torch.exp(row), -1),
}


@pytest.mark.parametrize("dtype", [BRAIN, HALF])
@pytest.mark.parametrize("name", ROUNDED)
def test_what_is_rounded_is_rough(name: str, dtype: torch.dtype) -> None:
    text = source(rows(ROUNDED[name], dtype), torch.zeros(4, 60, dtype=dtype))
    assert ROUGH in text
    assert EXACT not in text


@pytest.mark.parametrize("name", SEEN)
def test_what_magnifies_errors_has_all_digits(name: str) -> None:
    assert EXACT in source(rows(SEEN[name], BRAIN), torch.zeros(4, 60, dtype=BRAIN))


@pytest.mark.parametrize("name", ROUNDED)
def test_what_is_stored_in_float32_has_all_digits(name: str) -> None:
    text = source(rows(ROUNDED[name], torch.float32), torch.zeros(4, 60, dtype=BRAIN))
    assert EXACT in text
    assert ROUGH not in text


@pytest.mark.parametrize("dtype", [BRAIN, HALF])
@pytest.mark.parametrize("name", ROUNDED)
def test_results_are_those_of_exact_ones_but_for_ties(name: str, dtype: torch.dtype) -> None:
    """Errors are a hundredth of half a unit in the last place, so that hardly any result is rounded another way."""
    x = (torch.rand(8, 300, generator=torch.Generator().manual_seed(0)) * 16 - 10).to(dtype)
    found, exact = rows(ROUNDED[name], dtype)(x), ROUNDED[name](x.double())
    fits = (exact.abs() < torch.finfo(dtype).max) & (exact.abs() > torch.finfo(dtype).tiny)
    wanted = exact.to(dtype)[fits]
    assert torch.equal(found.isfinite(), exact.to(dtype).isfinite())
    assert (found[fits] != wanted).double().mean() < 0.02
    torch.testing.assert_close(
        found[fits].double(), exact[fits], rtol=0.51 * torch.finfo(dtype).eps, atol=0
    )


SILU = torch.nn.functional.silu
GATED = {
    "itself": SILU,
    "times another": lambda row: SILU(row) * row,
    "over a number, or none": lambda row: torch.where(row > -3, SILU(row) / 7, 0.0),
}


@pytest.mark.parametrize("dtype", [BRAIN, HALF])
@pytest.mark.parametrize("name", GATED)
def test_gates_are_rough_where_they_are_rounded(name: str, dtype: torch.dtype) -> None:
    """From the infinite exponential on they are zero, as exact ones are."""
    x = torch.linspace(-100, 100, 20 * 300).reshape(20, 300).to(dtype)
    kernel = rows(GATED[name], dtype)
    assert "= roughly_self_gated(" in source(kernel, x)
    found, exact = kernel(x), GATED[name](x.double())
    fits = (exact.abs() < torch.finfo(dtype).max) & (exact.abs() > torch.finfo(dtype).tiny)
    fits &= x.double() > -128 * math.log(2)
    assert torch.equal(found.isfinite(), exact.to(dtype).isfinite())
    assert (found[fits] != exact.to(dtype)[fits]).double().mean() < 0.02
    torch.testing.assert_close(
        found[fits].double(), exact[fits], rtol=0.51 * torch.finfo(dtype).eps, atol=0
    )


@pytest.mark.parametrize(
    ("function", "dtype"),
    [
        (SILU, torch.float32),
        (lambda row: SILU(row) - 1, BRAIN),
        (lambda row: SILU(row).sum(-1, keepdim=True) + row, BRAIN),
    ],
    ids=["float32", "difference", "sum of both signs"],
)
def test_gates_of_which_more_is_seen_have_all_digits(function: Any, dtype: torch.dtype) -> None:
    text = source(rows(function, dtype), torch.zeros(4, 60, dtype=BRAIN))
    assert "= self_gated(" in text


def test_what_is_not_finite_stays_so() -> None:
    x = torch.tensor([[torch.inf, -torch.inf, torch.nan, 0.0, 89.0, -200.0]], dtype=BRAIN)
    torch.testing.assert_close(rows(torch.exp, BRAIN)(x), torch.exp(x), equal_nan=True)
    torch.testing.assert_close(rows(SILU, BRAIN)(x), SILU(x), equal_nan=True)


def _two_passes(dtype: torch.dtype) -> Any:
    @helion.kernel(config=helion.Config(block_sizes=[2, 16]))
    def kernel(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty(x.size(), dtype=dtype)
        m, n = hl.register_block_size(x.size(0)), hl.register_block_size(x.size(1))
        for tile in hl.tile(x.size(0), block_size=m):
            total = hl.zeros([tile])
            for part in hl.tile(x.size(1), block_size=n):
                total = total + torch.exp(x[tile, part].to(torch.float32)).sum(-1)
            for part in hl.tile(x.size(1), block_size=n):
                values = torch.exp(x[tile, part].to(torch.float32))
                out[tile, part] = (values / total[:, None]).to(dtype)
        return out

    return kernel


def test_sums_that_loops_carry_are_rounded_behind_them() -> None:
    x = torch.randn(5, 40, generator=torch.Generator().manual_seed(0)).to(BRAIN)
    text = _two_passes(BRAIN).bind((x,)).to_triton_code(helion.Config(block_sizes=[2, 16]))
    assert EXACT not in text
    torch.testing.assert_close(
        _two_passes(BRAIN)(x), torch.softmax(x.double(), -1).to(BRAIN), rtol=2**-8, atol=0
    )
    seen = _two_passes(torch.float32).bind((x,)).to_triton_code(helion.Config(block_sizes=[2, 16]))
    assert seen.count(EXACT) == 2


def test_factors_of_what_a_loop_carries_on_have_all_digits() -> None:
    """A thousand of them would multiply a thousand errors."""

    @helion.kernel(config=helion.Config(block_sizes=[2]))
    def decayed(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty([x.size(0)], dtype=BRAIN)
        for tile in hl.tile(x.size(0)):
            state = hl.full([tile], 1.0)
            for place in hl.grid(x.size(1)):
                state = state * torch.exp(x[tile, place].to(torch.float32))
            out[tile] = state.to(BRAIN)
        return out

    x = torch.full((2, 100), 0.01).to(BRAIN)
    assert EXACT in decayed.bind((x,)).to_triton_code(helion.Config(block_sizes=[2]))
    torch.testing.assert_close(decayed(x), torch.exp(x.double().sum(-1)).to(BRAIN))


def test_factors_of_products_in_float32_have_all_digits() -> None:
    @helion.kernel(config=helion.Config(block_sizes=[16]))
    def weighed(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        out = torch.empty([x.size(0), y.size(1)], dtype=BRAIN)
        for tile in hl.tile(x.size(0)):
            out[tile, :] = (torch.exp(x[tile, :]) @ y[:, :]).to(BRAIN)
        return out

    text = weighed.bind((torch.zeros(16, 16), torch.zeros(16, 16))).to_triton_code(
        helion.Config(block_sizes=[16])
    )
    assert EXACT in text
