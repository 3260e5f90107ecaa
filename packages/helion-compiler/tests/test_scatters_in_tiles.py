"""Lanes put, added and reduced into positions of a tile: as torch says, in partial tiles, too, and on a GPU."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import helion
import helion.language as hl
from helion import exc
from helion_compiler.building import parse_target

ROWS, COLUMNS, LANES = 5, 7, 11

FUNCTIONS: dict[str, Any] = {
    "scatter_add": lambda x, i, y: x.scatter_add(1, i, y),
    "scatter_add in place": lambda x, i, y: (x * 2).scatter_add_(1, i, y),
    "scatter a number": lambda x, i, _: x.scatter(1, i, 7),
    "scatter with a sum": lambda x, i, y: x.scatter(1, i, y, reduce="add"),
    "sum": lambda x, i, y: x.scatter_reduce(1, i, y, "sum", include_self=False),
    "prod": lambda x, i, y: x.scatter_reduce(1, i, y, "prod"),
    "mean": lambda x, i, y: x.scatter_reduce(1, i, y, "mean"),
    "mean of others": lambda x, i, y: x.scatter_reduce(1, i, y, "mean", include_self=False),
    "amax": lambda x, i, y: x.scatter_reduce(-1, i, y, "amax"),
    "amin of others": lambda x, i, y: x.scatter_reduce(1, i, y, "amin", include_self=False),
    "index_add": lambda x, i, y: x.index_add(1, torch.arange(LANES) * 0 + 3, y),
    "index_add, scaled": lambda x, i, y: x.index_add(1, torch.arange(LANES) % 4, y, alpha=2),
    "index_copy": lambda x, i, y: x.index_copy(1, torch.arange(3) * 2, y[:, :3]),
    "index_fill": lambda x, i, y: x.index_fill(1, torch.arange(3) * 2 - 2, 7),
    "index_reduce": lambda x, i, y: x.index_reduce(1, torch.arange(LANES) % 5, y, "amax"),
    "index_put": lambda x, i, y: x.T.index_put((torch.arange(3) * 2,), y[:, :3].T).T,
    "index_put, added": lambda x, i, y: (
        x.T.index_put((torch.arange(LANES) % 3,), y.T, accumulate=True).T
    ),
}


def kernel_of(function: Any) -> Any:
    @helion.kernel(config=helion.Config(block_sizes=[4]))
    def kernel(x: torch.Tensor, i: torch.Tensor, y: torch.Tensor, out: torch.Tensor) -> None:
        for tile in hl.tile(x.size(0)):
            out[tile, :] = function(x[tile, :], i[tile, :], y[tile, :])

    return kernel


def arguments(dtype: torch.dtype, rows: int = ROWS) -> tuple[torch.Tensor, ...]:
    random = torch.Generator().manual_seed(3)
    x = (torch.randn(rows, COLUMNS, generator=random) * 3).to(dtype)
    y = (torch.randn(rows, LANES, generator=random) * 3).to(dtype)
    return x, torch.randint(COLUMNS, (rows, LANES), generator=random), y


@pytest.mark.filterwarnings("ignore:The reduce argument", "ignore:index_reduce")
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.int64], ids=str)
def test_as_torch_says(name: str, dtype: torch.dtype) -> None:
    function = FUNCTIONS[name]
    x, i, y = arguments(dtype)
    expected = function(x, i, y)
    out = torch.full_like(expected, 77)
    kernel_of(function)(x, i, y, out)
    torch.testing.assert_close(out, expected)


@pytest.mark.parametrize("rows", [0, 1, 4])
def test_other_numbers_of_rows(rows: int) -> None:
    x, i, y = arguments(torch.float32, rows)
    out = torch.full_like(x, 77)
    kernel_of(FUNCTIONS["scatter_add"])(x, i, y, out)
    torch.testing.assert_close(out, x.scatter_add(1, i, y))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.int32, torch.int8], ids=str)
def test_other_types(dtype: torch.dtype) -> None:
    x, i, y = arguments(dtype)
    out = torch.full_like(x, 77)
    kernel_of(FUNCTIONS["amax"])(x, i, y, out)
    torch.testing.assert_close(out, x.scatter_reduce(1, i, y, "amax"))


def test_distinct_positions_are_moved() -> None:
    x, _, y = arguments(torch.float32)
    i = torch.stack([torch.randperm(COLUMNS)[:4] for _ in range(ROWS)])
    out = torch.full_like(x, 77)
    kernel_of(lambda x, i, y: x.scatter(1, i, y[:, :4]))(x, i, y, out)
    torch.testing.assert_close(out, x.scatter(1, i, y[:, :4]))


def test_lanes_of_a_tile_are_counted() -> None:
    """The lanes that arrive may be a tile's own, the last ones of which are padding."""

    @helion.kernel(config=helion.Config(block_sizes=[4]))
    def histogram(i: torch.Tensor) -> torch.Tensor:
        counts = torch.zeros([6], dtype=torch.int32)
        for tile in hl.tile(i.size(0)):
            bins = hl.zeros([6], dtype=torch.int32)
            ones = hl.full([tile], 1, dtype=torch.int32)
            hl.atomic_add(counts, [hl.arange(6)], bins.index_add(0, i[tile], ones))
        return counts

    i = torch.randint(6, (14,))
    assert histogram(i).tolist() == torch.bincount(i, minlength=6).tolist()


@pytest.mark.parametrize("name", ["scatter_add", "mean", "amax", "index_copy", "index_fill"])
def test_compiles(name: str) -> None:
    kernel = kernel_of(FUNCTIONS[name])
    x, i, y = arguments(torch.float32)
    specialized = kernel.bind((x, i, y, x.clone()))._implementation.specialized
    assert specialized.build(helion.Config(block_sizes=[4]), parse_target("sm_90")).image.binary


def test_positions_along_a_tile_are_refused() -> None:
    x, i, y = arguments(torch.float32)
    with pytest.raises(exc.UnsupportedOperator, match="mix lanes of one tile only"):
        kernel_of(lambda x, i, y: x.index_add(0, i[:, 0], y[:, :COLUMNS])).bind((x, i, y, x))


def test_shapes_beside_the_dimension_are_compared() -> None:
    x, i, y = arguments(torch.float32)
    with pytest.raises(exc.ShapeMismatch, match="differ beside dim 0"):
        kernel_of(lambda x, i, y: x.T.scatter_add(0, i, y).T).bind((x, i, y, x))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.scatter_add(0, torch.zeros((), dtype=torch.int64), x),
        lambda x: x.index_copy(0, torch.zeros(1, dtype=torch.int64), x * 3),
        lambda x: x.index_fill(0, torch.zeros(1, dtype=torch.int64), 7),
    ],
)
def test_numbers_have_one_position(function: Any) -> None:
    @helion.kernel()
    def kernel(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        for i in hl.grid(x.size(0)):
            out[i] = function(x[i])
        return out

    x = torch.randn(4)
    torch.testing.assert_close(kernel(x), torch.stack([function(one) for one in x]))
