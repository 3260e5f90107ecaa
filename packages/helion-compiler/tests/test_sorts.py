"""Sorting tiles, interpreted: values and positions as torch gives them, with padding last whatever it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion
import helion.language as hl
from helion_compiler.building import parse_target

if TYPE_CHECKING:
    from collections.abc import Callable


def pair_of_rows(x: torch.Tensor, fn: Any) -> tuple[torch.Tensor, torch.Tensor]:
    first, second = fn(x)
    values, positions = torch.empty_like(first), torch.empty_like(second)
    for tile in hl.tile(x.size(0)):
        a, b = fn(x[tile, :])
        values[tile, ...], positions[tile, ...] = a, b
    return values, positions


def rows(x: torch.Tensor, fn: Any) -> torch.Tensor:
    out = torch.empty_like(fn(x))
    for tile in hl.tile(x.size(0)):
        out[tile, ...] = fn(x[tile, :])
    return out


def computed(kernel: Callable[..., Any], *args: Any, blocks: list[int]) -> Any:
    return helion.kernel(kernel, config=helion.Config(block_sizes=blocks))(*args)


def numbers(dtype: torch.dtype, *shape: int) -> torch.Tensor:
    """With many equals, and NaN and infinities where there are any."""
    x = torch.randint(-4, 5, shape).to(dtype)
    if dtype.is_floating_point:
        x[..., ::5] = float("nan")
        x[..., 1::7] = float("inf")
        x[..., 2::9] = -float("inf")
    return x


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("columns", [1, 16, 21])
@pytest.mark.parametrize(
    "dtype", [torch.float32, torch.bfloat16, torch.float16, torch.int32, torch.int64, torch.uint8]
)
def test_rows(dtype: torch.dtype, columns: int, descending: bool) -> None:
    def in_order(t: torch.Tensor) -> Any:
        return torch.sort(t, dim=-1, descending=descending, stable=True)

    x = numbers(dtype, 5, columns)
    found = computed(pair_of_rows, x, in_order, blocks=[4])
    expected = torch.sort(x, dim=-1, descending=descending, stable=True)
    torch.testing.assert_close(found[0], expected.values, equal_nan=True, rtol=0, atol=0)
    assert torch.equal(found[1], expected.indices)


def test_bools() -> None:
    x = torch.rand(5, 11) > 0.5
    assert torch.equal(
        computed(rows, x, lambda t: t.sort(-1).values, blocks=[2]), x.sort(-1).values
    )


@pytest.mark.parametrize("k", [1, 3, 9])
@pytest.mark.parametrize("largest", [False, True])
def test_top(largest: bool, k: int) -> None:
    x = torch.randn(7, 9)
    found = computed(pair_of_rows, x, lambda t: torch.topk(t, k, -1, largest), blocks=[4])
    expected = torch.topk(x, k, -1, largest)
    assert torch.equal(found[0], expected.values)
    assert torch.equal(found[1], expected.indices)


def test_argsort_and_msort() -> None:
    x = torch.randn(7, 9)
    found = computed(rows, x, lambda t: torch.argsort(t, 1), blocks=[4])
    assert torch.equal(found, torch.argsort(x, 1))
    flipped = computed(rows, x, lambda t: torch.msort(t.t()).t(), blocks=[4])
    assert torch.equal(flipped, x.sort(1).values)


def test_along_the_first_dimension() -> None:
    def kernel(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        for tile in hl.tile(x.size(1)):
            out[:, tile] = x[:, tile].sort(0, descending=True).values
        return out

    x = torch.randn(11, 7) + 9
    assert torch.equal(computed(kernel, x, blocks=[4]), x.sort(0, descending=True).values)


@pytest.mark.parametrize("columns", [1, 4, 9])
@pytest.mark.parametrize("keepdim", [False, True])
def test_order_statistics(keepdim: bool, columns: int) -> None:
    x = torch.randperm(7 * columns).view(7, columns).float()
    for fn in (
        lambda t: torch.kthvalue(t, 1, 1, keepdim),
        lambda t: torch.median(t, 1, keepdim),
    ):
        found, expected = computed(pair_of_rows, x, fn, blocks=[4]), fn(x)
        assert torch.equal(found[0], expected[0])
        assert torch.equal(found[1], expected[1])


def test_a_median_with_nan_is_nan() -> None:
    x = torch.randn(7, 9)
    x[2, 4] = x[3, 8] = x[3, 1] = float("nan")
    found = computed(pair_of_rows, x, lambda t: torch.median(t, 1), blocks=[4])
    expected = torch.median(x, 1)
    torch.testing.assert_close(found[0], expected.values, equal_nan=True)
    assert torch.equal(found[1], expected.indices)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int64])
def test_it_compiles_for_a_gpu(dtype: torch.dtype) -> None:
    x = torch.randn(37, 100).to(dtype)
    bound: Any = helion.kernel(pair_of_rows).bind((x, lambda t: torch.topk(t, 8)))
    config = helion.Config(block_sizes=[4])
    built = bound._implementation.specialized.build(config, parse_target("sm_90"))
    assert len(built.image.binary) > 1000
