"""Host code around kernels, as the dispatcher runs it on a GPU: called again and again with other data."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
import torch

import helion
import helion.language as hl
from helion import reference

pytestmark = pytest.mark.gpu


def compare(function: Any, *calls: tuple[Any, ...], **options: Any) -> None:
    """Every call, twice over, against reference mode: what is returned, and what is written."""
    kernel = helion.kernel(**options)(function)
    for arguments in (*calls, *calls):
        ours, theirs = (
            tuple(a.cuda().clone() if isinstance(a, torch.Tensor) else a for a in arguments)
            for _ in range(2)
        )
        torch.manual_seed(0)
        expected = reference.run(function, theirs).outputs
        torch.manual_seed(0)
        torch.testing.assert_close(kernel(*ours), expected, rtol=1e-4, atol=1e-4, equal_nan=True)
        torch.testing.assert_close(ours, theirs, equal_nan=True)


def around(x: torch.Tensor, weight: torch.Tensor, factor: float) -> Any:
    doubled = (x * 2).contiguous().float()
    columns = torch.arange(x.size(1), device=x.device)
    padded = torch.nn.functional.pad(x, (1, 2), value=5)
    out = torch.full(x.shape, factor, device=x.device)
    out[0] = 1
    out[:, :2] = weight
    weight.mul_(2)
    for tile in hl.tile(x.size()):
        out[tile] += doubled[tile] * factor + columns[tile[1]] + padded[tile]
    values, places = out.max(1)
    return out.sum(0).to(x.dtype), [values, places], out.t(), out.mean().item(), factor / 2


@pytest.mark.parametrize("static_shapes", [True, False])
def test_operators_writes_and_floats(static_shapes: bool) -> None:
    calls = [
        (torch.randn(37, columns), torch.randn(37, 2), factor)
        for columns, factor in ((129, 0.5), (129, -2.5), (64, math.inf), (129, math.nan))
    ]
    compare(around, *calls, static_shapes=static_shapes)


def rows_up_to(x: torch.Tensor, lengths: torch.Tensor) -> Any:
    longest = int(lengths.max())
    shortest = lengths.min().item()
    out = torch.zeros([longest, x.size(1)], dtype=x.dtype, device=x.device)
    for tile in hl.tile([longest, x.size(1)]):
        out[tile] = x[tile] * shortest
    return out, longest, (out > 0).sum().item()


def test_numbers_read_before_and_behind_the_loop() -> None:
    pairs = ([3, 4], [4, 80], [80, 2], [0, 0], [1, 0], [99, 99], [2, 60])
    compare(rows_up_to, *((torch.randn(99, 70), torch.tensor(pair)) for pair in pairs))


def branching(x: torch.Tensor, flags: torch.Tensor) -> Any:
    y = x * 3 if flags.any() else x - 1
    for _ in range(int(flags.sum())):
        y = y + torch.rand_like(y)
    out = torch.empty_like(y)
    for tile in hl.tile(x.size()):
        out[tile] = y[tile]
    return {"out": out, "flags": flags}


def test_branches_on_numbers() -> None:
    flags = ([True, False], [False, False], [True, True])
    compare(branching, *((torch.randn(40, 50), torch.tensor(pair)) for pair in flags))


@dataclasses.dataclass
class Weights:
    scale: torch.Tensor
    shift: float = 0.5


def test_containers() -> None:
    @helion.kernel()
    def kernel(xs: dict[str, torch.Tensor], weights: Weights) -> Weights:
        out = torch.empty_like(xs["a"])
        for tile in hl.tile(out.size()):
            out[tile] = (xs["a"][tile] - xs["b"][tile]) * weights.scale[tile] + weights.shift
        return Weights(out, weights.shift * 2)

    for shift in (0.5, 1.5):
        a, b, scale = (torch.randn(33, 65, device="cuda") for _ in range(3))
        found = kernel({"a": a, "b": b}, Weights(scale, shift))
        torch.testing.assert_close(found.scale, (a - b) * scale + shift)
        assert found.shift == shift * 2
