"""Reductions and scans by functions, interpreted: against reference mode and torch, with padding in every place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion
import helion.language as hl
from helion import reference
from helion_compiler.building import parse_target

if TYPE_CHECKING:
    from collections.abc import Callable

SCALE = 3


def larger(a: Any, b: Any) -> Any:
    return torch.where(a > b, a, b)


def _affine(left: Any, right: Any) -> Any:
    """Compositions of ``x -> a * x + b``: associative, not commutative, without a neutral 0."""
    return left[0] * right[0], left[1] * right[0] + right[1]


def affine_unpacked(a: Any, b: Any, c: Any, d: Any) -> Any:
    return a * c, b * c + d


def either(a: Any, b: Any) -> Any:
    return a | b


def scaled_sum(a: Any, b: Any) -> Any:
    return a + b + SCALE - 3


def run(function: Callable[..., Any], *args: Any, blocks: list[int]) -> Any:
    """What a kernel returns, interpreted; what reference mode returns is the same."""
    kernel = helion.kernel(function)
    found = kernel.bind(args).compile_config(helion.Config(block_sizes=blocks))(*args)
    expected = reference.run(function, args, block_sizes=blocks).outputs
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    return found


def scan_rows(x: torch.Tensor, fn: Any, reverse: bool) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        out[tile, :] = hl.associative_scan(fn, x[tile, :], dim=-1, reverse=reverse)
    return out


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("columns", [1, 5, 16, 33])
@pytest.mark.parametrize("fn", [larger, scaled_sum, torch.add, torch.minimum])
def test_scans_of_rows(fn: Any, columns: int, reverse: bool) -> None:
    x = torch.randn(7, columns) - 5  # all negative: a zero from padding would show in a maximum
    run(scan_rows, x, fn, reverse, blocks=[4])


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.int32, torch.int64])
def test_dtypes_of_scans(dtype: torch.dtype, reverse: bool) -> None:
    x = torch.randint(-9, 9, (5, 11)).to(dtype)
    assert run(scan_rows, x, larger, reverse, blocks=[2]).dtype == dtype


@pytest.mark.parametrize("reverse", [False, True])
def test_scans_of_bools(reverse: bool) -> None:
    x = torch.rand(5, 11) > 0.8
    found = run(scan_rows, x, either, reverse, blocks=[2])
    assert found.dtype == torch.bool


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("fn", [_affine, affine_unpacked])
@pytest.mark.parametrize("dim", [0, 1])
def test_scans_of_tuples(fn: Any, dim: int, reverse: bool) -> None:
    def kernel(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        first, second = torch.empty_like(x), torch.empty_like(x)
        for rows, columns in hl.tile(x.size(), block_size=[16, 16]):
            a, b = hl.associative_scan(fn, (x[rows, columns], y[rows, columns]), dim, reverse)
            first[rows, columns], second[rows, columns] = a, b
        return first, second

    x, y = torch.randn(13, 11), torch.randn(13, 11)
    run(kernel, x, y, blocks=[])


def reduce_rows(x: torch.Tensor, fn: Any, other: hl.constexpr) -> torch.Tensor:
    out = torch.empty([x.size(0)], dtype=x.dtype, device=x.device)
    for tile in hl.tile(x.size(0)):
        out[tile] = hl.reduce(fn, x[tile, :], dim=1, other=other)
    return out


@pytest.mark.parametrize("columns", [1, 3, 16, 21])
@pytest.mark.parametrize(
    ("fn", "other"),
    [(larger, 0), (larger, float("-inf")), (torch.add, 0), (torch.mul, 1), (torch.maximum, 0)],
)
def test_reductions_of_rows(fn: Any, other: float, columns: int) -> None:
    x = torch.randn(7, columns) - 5
    run(reduce_rows, x, fn, other, blocks=[4])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.int32, torch.int8])
def test_dtypes_of_reductions(dtype: torch.dtype) -> None:
    x = torch.randint(-9, -1, (5, 11)).to(dtype)
    assert run(reduce_rows, x, larger, 0, blocks=[2]).dtype == dtype


def test_half_precision_is_rounded_once() -> None:
    x = torch.rand(3, 1000).bfloat16()
    kernel = helion.kernel(reduce_rows, config=helion.Config(block_sizes=[2]))
    exact = x.double().sum(1)
    torch.testing.assert_close(kernel(x, torch.add, 0), exact.bfloat16())


def test_arg_max_by_hand() -> None:
    def kernel(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        best = torch.empty([x.size(0)], dtype=x.dtype, device=x.device)
        where = torch.empty([x.size(0)], dtype=torch.int32, device=x.device)
        for tile in hl.tile(x.size(0)):
            index = hl.arange(x.size(1)).expand([tile, x.size(1)])

            def best_of(left: Any, right: Any) -> Any:
                take = left[0] >= right[0]
                return torch.where(take, left[0], right[0]), torch.where(take, left[1], right[1])

            value, position = hl.reduce(best_of, (x[tile, :], index), dim=1)
            best[tile], where[tile] = value, position
        return best, where

    x = torch.randn(9, 13) - 7
    values, positions = run(kernel, x, blocks=[4])
    assert torch.equal(values, x.amax(1))
    assert torch.equal(positions.long(), x.argmax(1))


@pytest.mark.parametrize("keep", [False, True])
def test_all_dimensions_at_once(keep: bool) -> None:
    def kernel(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty([x.size(0)], dtype=x.dtype, device=x.device)
        for i in hl.grid(x.size(0)):
            value = hl.reduce(larger, x[i, :, :], keep_dims=keep)
            out[i] = value.reshape([])
        return out

    x = torch.randn(3, 5, 6) - 9
    assert torch.equal(run(kernel, x, blocks=[]), x.amax((1, 2)))


def test_dimensions_are_kept() -> None:
    def kernel(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        for tile in hl.tile(x.size(0)):
            row = x[tile, :]
            out[tile, :] = row - hl.reduce(larger, row, dim=-1, keep_dims=True)
        return out

    run(kernel, torch.randn(5, 9), blocks=[4])


def test_along_a_tile() -> None:
    def kernel(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty([x.size(1)], dtype=x.dtype, device=x.device)
        for columns in hl.tile(x.size(1)):
            best = hl.full([columns], float("-inf"), dtype=x.dtype)
            for rows in hl.tile(x.size(0)):
                best = torch.maximum(best, hl.reduce(larger, x[rows, columns], dim=0))
            out[columns] = best
        return out

    x = torch.randn(37, 10) - 9
    assert torch.equal(run(kernel, x, blocks=[4, 16]), x.amax(0))


def test_rows_of_no_elements_are_other() -> None:
    def kernel(x: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        out = torch.empty([x.size(0)], dtype=x.dtype, device=x.device)
        for rows in hl.tile(x.size(0)):
            best = hl.full([rows], -100.0, dtype=x.dtype)
            for columns in hl.jagged_tile(lengths[rows]):
                best = torch.maximum(best, hl.reduce(larger, x[rows, columns], dim=1, other=0))
            out[rows] = best
        return out

    x = torch.randn(6, 8) - 9
    lengths = torch.tensor([0, 3, 8, 0, 1, 5])
    found = kernel_result(kernel, x, lengths, blocks=[4, 16])
    expected = [0.0 if n == 0 else x[i, :n].amax().item() for i, n in enumerate(lengths.tolist())]
    torch.testing.assert_close(found, torch.tensor(expected))


def kernel_result(function: Callable[..., Any], *args: Any, blocks: list[int]) -> Any:
    kernel = helion.kernel(function)
    return kernel.bind(args).compile_config(helion.Config(block_sizes=blocks))(*args)


@pytest.mark.parametrize("static_shapes", [True, False])
def test_numbers_from_outside(static_shapes: bool) -> None:
    """A combine function may read arguments that stay open, sizes, and scalars of the device."""

    def kernel(x: torch.Tensor, decay: float, bias: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        for tile in hl.tile(x.size(0)):
            shift = bias[0]

            def fn(a: Any, b: Any) -> Any:
                outside = shift * 0 + x.size(1) * 0  # noqa: B023  # called within this turn
                return torch.maximum(a, b + (decay - decay) + outside)

            out[tile, :] = hl.associative_scan(fn, x[tile, :], 1, reverse=True)
        return out

    x = torch.randn(7, 9) - 5
    found = helion.kernel(
        kernel, static_shapes=static_shapes, config=helion.Config(block_sizes=[4])
    )(x, 0.5, torch.ones(1))
    assert torch.equal(found, x.flip(1).cummax(1).values.flip(1))


CUMULATIVE = [torch.cumsum, torch.cumprod, torch.logcumsumexp]


def cumulative(x: torch.Tensor, fn: Any) -> torch.Tensor:
    out = torch.empty_like(fn(x, 1))
    for rows in hl.tile(x.size(0)):
        out[rows, :] = fn(x[rows, :], 1)
    return out


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
@pytest.mark.parametrize("fn", CUMULATIVE)
def test_cumulative_operators(fn: Any, dtype: torch.dtype) -> None:
    x = torch.randn(5, 19).to(dtype)
    found = kernel_result(cumulative, x, fn, blocks=[4])
    torch.testing.assert_close(found, fn(x.double(), 1).to(dtype))


@pytest.mark.parametrize("dtype", [torch.int32, torch.uint8, torch.bool])
@pytest.mark.parametrize("fn", [torch.cumsum, torch.cumprod])
def test_cumulative_operators_of_integers(fn: Any, dtype: torch.dtype) -> None:
    x = torch.randint(0, 3, (5, 9)).to(dtype)
    found = kernel_result(cumulative, x, fn, blocks=[4])
    assert torch.equal(found, fn(x, 1))
    assert found.dtype == torch.int64


@pytest.mark.parametrize("fn", [torch.cummax, torch.cummin])
def test_cumulative_extremes(fn: Any) -> None:
    def kernel(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        values = torch.empty_like(x)
        where = torch.empty(x.size(), dtype=torch.int64, device=x.device)
        for rows in hl.tile(x.size(0)):
            a, b = fn(x[rows, :], 1)
            values[rows, :], where[rows, :] = a, b
        return values, where

    x = torch.randint(0, 5, (9, 21)).float()
    x[2, 7] = x[4, 0] = x[4, 3] = float("nan")
    values, where = kernel_result(kernel, x, blocks=[4])
    expected = fn(x, 1)
    torch.testing.assert_close(values, expected.values, equal_nan=True)
    assert torch.equal(where, expected.indices)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int32])
@pytest.mark.parametrize("fn", [hl.cumsum, hl.cumprod])
def test_cumulative_functions(fn: Any, dtype: torch.dtype, reverse: bool) -> None:
    def kernel(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        for rows in hl.tile(x.size(0)):
            out[rows, :] = fn(x[rows, :], 1, reverse)
        return out

    x = (torch.rand(5, 13) * 3).to(dtype)
    found = run(kernel, x, blocks=[4])
    assert found.dtype == dtype


def test_scans_of_merged_dimensions_skip_padding() -> None:
    def kernel(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty([x.size(0)], dtype=x.dtype, device=x.device)
        for rows, columns in hl.tile(x.size(), block_size=[4, 8]):
            flat = x[rows, columns].reshape([-1])
            out[0] = hl.reduce(larger, hl.associative_scan(torch.add, flat, 0), dim=0)
        return out

    x = torch.rand(3, 5) + 1
    found = kernel_result(kernel, x, blocks=[])
    torch.testing.assert_close(found[0], x.sum())


@pytest.mark.parametrize(("fn", "several"), [(larger, False), (_affine, True)])
def test_it_compiles_for_a_gpu(fn: Any, several: bool) -> None:
    def kernel(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        for rows in hl.tile(x.size(0)):
            values: Any = (x[rows, :], y[rows, :]) if several else x[rows, :]
            scanned = hl.associative_scan(fn, values, 1, reverse=True)
            total = hl.reduce(fn, values, 1, keep_dims=True)
            if several:
                out[rows, :] = scanned[1] + total[1]
            else:
                out[rows, :] = scanned + total
        return out

    x = torch.randn(37, 100).bfloat16()
    bound: Any = helion.kernel(kernel).bind((x, x))
    config = helion.Config(block_sizes=[4])
    built = bound._implementation.specialized.build(config, parse_target("sm_90"))
    assert len(built.image.binary) > 1000
