"""Small kernels that once went wrong, each the core of a random program (``integration_tests/random_programs``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion
import helion.language as hl
from helion import exc, reference

if TYPE_CHECKING:
    from collections.abc import Callable


def compiled(function: Callable[..., Any], **config: Any) -> Any:
    """The function as a kernel with a config."""
    return helion.kernel(function, config=helion.Config(**config))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16])
def test_square_root(dtype: torch.dtype) -> None:
    def fn(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        for tile in hl.tile(x.size(0)):
            out[tile] = torch.sqrt(x[tile]) + torch.rsqrt(x[tile])
        return out

    x = torch.rand(5, dtype=dtype) + 1
    torch.testing.assert_close(compiled(fn)(x), torch.sqrt(x) + torch.rsqrt(x))


def test_list_of_numbers_in_words() -> None:
    """``hl.load(x, [1])`` is ``x[1]``, and no ``x[[1]]``."""

    def fn(x: torch.Tensor) -> torch.Tensor:
        out = torch.zeros(2, dtype=torch.int32)
        for tile in hl.tile(4):
            one = hl.load(x, [-1])
            hl.store(out, [0], one)
            hl.atomic_add(out, [1], (tile.index + one).sum(0).to(torch.int32))
        return out

    x = torch.tensor([5, 7], dtype=torch.int32)
    assert compiled(fn, block_sizes=[2])(x).tolist() == [7, 34]


def test_choice_in_the_condition_of_a_while() -> None:
    """What a choice hands on as it is, it reads."""

    def fn(x: torch.Tensor, n: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        for tile in hl.tile(x.size(0)):
            value = x[tile]
            turn = 0
            while turn < (n[1] if n[0] > 0 else n[2]):
                value = value + 1
                turn = turn + 1
            out[tile] = value
        return out

    x = torch.randn(5)
    for first in (0, 1):
        n = torch.tensor([first, 3, 2])
        torch.testing.assert_close(compiled(fn)(x, n), x + (3 if first else 2))


@pytest.mark.parametrize("begin", [0, 1, 2])
def test_slice_of_one_index(begin: int) -> None:
    """It keeps its dimension wherever it begins."""

    def fn(x: torch.Tensor, y: torch.Tensor, begin: int) -> torch.Tensor:
        out = torch.empty([y.size(0), 1])
        for tile in hl.tile(y.size(0)):
            one = x[begin : begin + 1]
            out[tile, :] = one[None, :].expand([tile, 1]) + y[tile, :1]
        return out

    x, y = torch.randn(3), torch.randn(5, 2)
    torch.testing.assert_close(compiled(fn)(x, y, begin), x[begin] + y[:, :1])


@pytest.mark.parametrize(("rows", "columns"), [(4, 13), (13, 4), (5, 8), (8, 5)])
def test_nested_tiles_of_one_block_size(rows: int, columns: int) -> None:
    """Padding is told by the loop that a dimension runs along, not by its size, which two loops share."""

    def fn(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        out = torch.zeros(2)
        lanes = hl.register_block_size(8)
        for _ in hl.grid(1):
            total = hl.zeros([])
            again = hl.zeros([])
            for outer in hl.tile(x.size(0), block_size=lanes):
                left = x[outer] + 1
                for inner in hl.tile(y.size(0), block_size=lanes):
                    right = y[inner] + 1
                    total = total + (left[:, None] * right[None, :]).sum(1).sum(0)
                    again = again + left.sum(0) * x[outer].sum(0) * right.sum(0)
            out[0] = total
            out[1] = again
        return out

    x, y = torch.ones(rows), torch.ones(columns)
    first = reference.run(fn, (x, y), block_sizes=8).outputs
    found = compiled(fn, block_sizes=[8])(x, y)
    assert found[0] == 4 * rows * columns
    torch.testing.assert_close(found, first)


def test_two_axes_of_one_block_size() -> None:
    def fn(x: torch.Tensor) -> torch.Tensor:
        out = torch.full_like(x, -1)
        lanes = hl.register_block_size(4)
        for rows, columns in hl.tile([x.size(0), x.size(1)], block_size=[lanes, lanes]):
            out[rows, columns] = x[rows, columns] + 1
        return out

    for shape in ((4, 7), (7, 4), (3, 9)):
        x = torch.randn(shape)
        torch.testing.assert_close(compiled(fn, block_sizes=[4])(x), x + 1)


def test_slice_of_the_last_index_under_dynamic_shapes() -> None:
    """Where the slice begins is a sum, and is multiplied by a stride."""

    def kernel(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty([x.size(0), 1, x.size(2)], device=x.device)
        for tile in hl.tile(x.size(0)):
            out[tile, :, :] = x[tile, -1:, :]
        return out

    x = torch.randn(5, 3, 4)
    found = helion.kernel(kernel, static_shapes=False, config=helion.Config(block_sizes=[2]))(x)
    torch.testing.assert_close(found, x[:, -1:, :])


def test_descriptors_begin_where_they_may() -> None:
    """A loop that does not begin at a multiple of 16 bytes has no descriptor along the last dimension."""

    def kernel(x: torch.Tensor) -> torch.Tensor:
        out = torch.zeros_like(x)
        for rows, columns in hl.tile([0, 3], [x.size(0), x.size(1)]):
            out[rows, columns] = x[rows, columns]
        return out

    bound = helion.kernel(kernel).bind((torch.randn(8, 64),))
    config = helion.Config(block_sizes=[4, 16], indexing="tensor_descriptor")
    with pytest.raises(exc.InvalidConfig, match="does not begin at a multiple of 16 bytes"):
        bound.to_triton_code(config)
