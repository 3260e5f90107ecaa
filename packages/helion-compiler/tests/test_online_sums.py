"""Rolled rows: sums of exponentials join the loop of their maximum, and are what two loops would make of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion
import helion.language as hl
from helion_compiler.scheduling.roll_reductions import roll_reductions

if TYPE_CHECKING:
    from collections.abc import Callable

INF = math.inf


def of_rows(function: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    """A kernel that makes one number of each row."""

    @helion.kernel()
    def kernel(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty([x.size(0)], dtype=x.dtype, device=x.device)
        for tile in hl.tile(x.size(0)):
            out[tile] = function(x[tile, :])
        return out

    return kernel


def loops_of(kernel: Any, *args: Any) -> int:
    bound = kernel.bind(args)._implementation.specialized
    (axis,) = bound.program.whole_axes()
    return len(roll_reductions(bound.program, axis, 32, 0).loops())


def rolled(kernel: Any, *args: torch.Tensor, step: int = 32, rows: int = 2) -> torch.Tensor:
    result: torch.Tensor = kernel.bind(args).compile_config(
        helion.Config(block_sizes=[rows], reduction_loops=[step])
    )(*args)
    return result


def sum_of_exponentials(row: torch.Tensor) -> torch.Tensor:
    return torch.exp(row - row.amax(-1)[:, None]).sum(-1)


def powers_of_two(row: torch.Tensor) -> torch.Tensor:
    return torch.exp2(row - row.amax(-1, keepdim=True)).sum(-1)


def weighted(row: torch.Tensor) -> torch.Tensor:
    return (row.square() * torch.exp(row - row.amax(-1, keepdim=True))).sum(-1)


def scaled(row: torch.Tensor) -> torch.Tensor:
    logits = row * 0.125
    return torch.exp(logits - logits.amax(-1, keepdim=True)).sum(-1)


def two_sums(row: torch.Tensor) -> torch.Tensor:
    weights = torch.exp(row - row.amax(-1, keepdim=True))
    return (weights * row).sum(-1) / weights.sum(-1)


def logsumexp(row: torch.Tensor) -> torch.Tensor:
    return torch.logsumexp(row, -1)


JOINED = [sum_of_exponentials, powers_of_two, weighted, scaled, two_sums, logsumexp]


@pytest.mark.parametrize("function", JOINED, ids=lambda function: function.__name__)
@pytest.mark.parametrize("columns", [33, 64, 100, 257])
def test_one_loop_gives_what_two_do(function: Any, columns: int) -> None:
    x = 3 * torch.randn(5, columns)
    kernel = of_rows(function)
    assert loops_of(kernel, x) == 1
    expected = function(x.double()).float()
    torch.testing.assert_close(rolled(kernel, x), expected, rtol=3e-6, atol=3e-6)


@pytest.mark.parametrize("step", [32, 64])
def test_groups_are_as_long_as_a_thread_reads_at_once(step: int) -> None:
    x = torch.randn(3, 200).to(torch.bfloat16)

    @helion.kernel()
    def kernel(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty([x.size(0)], dtype=torch.float32, device=x.device)
        for tile in hl.tile(x.size(0)):
            out[tile] = torch.logsumexp(x[tile, :].to(torch.float32), -1)
        return out

    config = helion.Config(block_sizes=[1], reduction_loops=[step])
    code = kernel.bind((x,)).to_triton_code(config)
    assert f"[{step // 8}, 8]" in code  # eight numbers of two bytes are sixteen bytes
    torch.testing.assert_close(
        rolled(kernel, x, step=step), torch.logsumexp(x.double(), -1).float(), rtol=3e-6, atol=3e-6
    )


@pytest.mark.parametrize("function", JOINED, ids=lambda function: function.__name__)
def test_infinities_and_nan_come_out_as_of_two_loops(function: Any) -> None:
    x = torch.randn(8, 100)
    x[0] = -INF
    x[1, :70] = -INF
    x[2, 70:] = -INF
    x[3, 41] = INF
    x[4, 99] = math.nan
    x[5] = INF
    x[6, 0], x[6, 1:] = 2e37, -2e37
    x[7] = -3e38
    kernel = of_rows(function)
    whole = kernel.bind((x,)).compile_config(helion.Config(block_sizes=[2], reduction_loops=[None]))
    expected = whole(x)
    torch.testing.assert_close(rolled(kernel, x), expected, rtol=1e-5, atol=1e-5, equal_nan=True)


def another_maximum(row: torch.Tensor) -> torch.Tensor:
    return torch.exp(row - (row * row).amax(-1)[:, None]).sum(-1)


def weighted_by_what_comes_later(row: torch.Tensor) -> torch.Tensor:
    largest = row.amax(-1, keepdim=True)
    return ((row - largest) * torch.exp(row - largest)).sum(-1)


def of_another_reduction(row: torch.Tensor) -> torch.Tensor:
    least = row.amin(-1, keepdim=True)
    return torch.exp(row - row.amax(-1, keepdim=True) + least).sum(-1)


@pytest.mark.parametrize(
    "function",
    [another_maximum, weighted_by_what_comes_later, of_another_reduction],
    ids=lambda function: function.__name__,
)
def test_other_sums_keep_their_loop(function: Any) -> None:
    x = torch.randn(5, 100)
    kernel = of_rows(function)
    assert loops_of(kernel, x) == 2
    torch.testing.assert_close(rolled(kernel, x), function(x), rtol=1e-5, atol=1e-5)


def test_what_a_row_holds_beside_the_sum_keeps_its_loop() -> None:
    @helion.kernel()
    def softmax_and_total(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        out, totals = torch.empty_like(x), torch.empty([x.size(0)], device=x.device)
        for tile in hl.tile(x.size(0)):
            row = x[tile, :]
            weights = torch.exp(row - row.amax(-1, keepdim=True))
            total = weights.sum(-1)
            out[tile, :] = weights / total[:, None]
            totals[tile] = total
        return out, totals

    x = torch.randn(4, 100)
    assert loops_of(softmax_and_total, x) == 2
    out, totals = rolled(softmax_and_total, x)
    torch.testing.assert_close(out, torch.softmax(x, -1), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(totals, sum_of_exponentials(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("stages", [1, 3])
def test_rolled_loops_are_pipelined_as_deep_as_the_kernel(stages: int) -> None:
    x = torch.randn(4, 100)
    config = helion.Config(block_sizes=[1], reduction_loops=[32], num_stages=stages)
    code = of_rows(logsumexp).bind((x,)).to_triton_code(config)
    assert ("num_stages=3" in code) == (stages == 3)
