"""Divisors of integers: as torch says, for each dtype, in partial tiles, and compiled for a GPU."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import helion
import helion.language as hl
from helion_compiler.building import parse_target

DTYPES = [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64]


@helion.kernel(config=helion.Config(block_sizes=[4]))
def divisors(x: torch.Tensor, y: torch.Tensor, n: int) -> tuple[torch.Tensor, torch.Tensor, Any]:
    out = torch.empty_like(x)
    multiple = torch.empty_like(x)
    of_number = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        out[tile, :] = torch.gcd(x[tile, :], y[tile][:, None])
        multiple[tile, :] = torch.lcm(x[tile, :], y[tile][:, None])
        of_number[tile, :] = torch.gcd(x[tile, :], torch.full_like(x[tile, :], n))
    return out, multiple, of_number


def numbers(dtype: torch.dtype, *shape: int) -> torch.Tensor:
    """Of both signs where there are two, and zeros among them; no common multiple overflows."""
    most = min(torch.iinfo(dtype).max, 1 << 30)
    least = 0 if dtype is torch.uint8 else -most
    found = torch.randint(least, most, shape, dtype=torch.int64).to(dtype)
    return torch.where(torch.rand(shape) < 0.1, 0, found)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("rows", [0, 1, 4, 7])
def test_as_torch_says(dtype: torch.dtype, rows: int) -> None:
    x, y = numbers(dtype, rows, 5), numbers(dtype, rows)
    found = divisors(x, y, 12)
    column = y[:, None].expand_as(x)
    expected = torch.gcd(x, column), torch.lcm(x, column), torch.gcd(x, torch.full_like(x, 12))
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_what_takes_longest() -> None:
    """Neighbours among Fibonacci's numbers are divided most often; each lane ends by itself."""
    fibonacci = [1, 1]
    while fibonacci[-1] < 1 << 62:
        fibonacci.append(fibonacci[-1] + fibonacci[-2])
    x = torch.tensor([fibonacci[-1], 0, 6, fibonacci[40] * 3])[:, None]
    y = torch.tensor([fibonacci[-2], 0, 4, fibonacci[39] * 3])
    found, _, _ = divisors(x, y, 1)
    assert found.flatten().tolist() == [1, 0, 2, 3]


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64], ids=str)
def test_compiles(dtype: torch.dtype) -> None:
    bound = divisors.bind((numbers(dtype, 7, 5), numbers(dtype, 7), 12))
    specialized = bound._implementation.specialized
    built = specialized.build(helion.Config(block_sizes=[4]), parse_target("sm_90"))
    assert built.image.binary.startswith(b"\x7fELF")
