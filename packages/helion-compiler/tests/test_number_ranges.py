"""Numbers of Python's beside dtypes that cannot hold them: what torch refuses is refused, what it wraps is wrapped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import helion
import helion.language as hl
from helion import exc

Function = Callable[[torch.Tensor], torch.Tensor]
SMALL = [torch.int8, torch.uint8, torch.int16]


@helion.kernel(config=helion.Config(block_sizes=[16]))
def filled(number: hl.constexpr, out: torch.Tensor) -> torch.Tensor:
    for tile in hl.tile(out.size(0)):
        out[tile] = number
    return out


@helion.kernel(config=helion.Config(block_sizes=[16]))
def mapped(function: Function, x: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
    for tile in hl.tile(x.size(0)):
        out[tile] = function(x[tile])
    return out


def of_torch(run: Callable[[], Any]) -> Any:
    """What it gives; None where torch refuses."""
    try:
        return run()
    except (RuntimeError, ValueError, OverflowError):
        return None


INTEGERS = (0, -1, 127, 128, -128, -129, 255, 256, -255, -256, 2**31, 2**63 - 1)


FLOATS = (1.5, 300.7, float("inf"), float("nan"), 3.5e38, -1e300)
DTYPES = [
    *(*SMALL, torch.int32, torch.int64, torch.bool),
    *(torch.float16, torch.bfloat16, torch.float32, torch.float64),
]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("number", [*INTEGERS, *FLOATS])
def test_tiles_hold_what_torch_would(number: float, dtype: torch.dtype) -> None:
    out = torch.zeros(20, dtype=dtype)
    expected = of_torch(lambda: torch.full_like(out, number))
    if expected is None:
        with pytest.raises(exc.NumberOutOfRange, match=f"does not fit {str(dtype)[6:]}"):
            filled(number, out)
    else:
        torch.testing.assert_close(filled(number, out), expected, equal_nan=True)


def test_integers_beyond_64_bits() -> None:
    """torch takes none of them; a float may hold them."""
    assert filled(2**70, torch.zeros(20)).tolist() == [2.0**70] * 20
    for number, dtype in ((2**63, torch.int64), (10**400, torch.float32), (10**5000, torch.int32)):
        with pytest.raises(exc.NumberOutOfRange, match=f"does not fit {str(dtype)[6:]}"):
            filled(number, torch.zeros(20, dtype=dtype))


@pytest.mark.parametrize("dtype", SMALL, ids=str)
@pytest.mark.parametrize(
    "function",
    [
        lambda x: x + 300,
        lambda x: x - 70000,
        lambda x: x * -300,
        lambda x: x & 511,
        lambda x: x > 300,
        lambda x: 70000 - x,
    ],
    ids=["add", "sub", "mul", "and", "gt", "rsub"],
)
def test_numbers_beside_tiles_wrap_around(function: Function, dtype: torch.dtype) -> None:
    x = torch.tensor([0, 1, 2, 44, 45, 100, 127], dtype=dtype)
    expected = function(x)
    assert torch.equal(mapped(function, x, torch.empty_like(expected)), expected)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x + 10**400,
        lambda x: torch.where(x > 0, x, 2**70),
        lambda x: x * -(2**64),
        lambda x: x + torch.full_like(x, 10**5000),
    ],
    ids=["add", "where", "mul", "full_like"],
)
def test_what_torch_has_no_integer_for(function: Function) -> None:
    x = torch.ones(7)
    with pytest.raises(exc.NumberOutOfRange) as refused:
        mapped(function, x, torch.empty_like(x))
    assert refused.value.diagnostic.span is not None
