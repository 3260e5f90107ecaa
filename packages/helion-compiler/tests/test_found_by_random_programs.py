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


@pytest.mark.parametrize("index_dtype", [torch.int32, torch.int64])
def test_descriptors_at_positions_that_tensors_hold(index_dtype: torch.dtype) -> None:
    """Triton takes 32 bits of them alone."""

    def kernel(x: torch.Tensor, ends: torch.Tensor) -> torch.Tensor:
        out = torch.zeros_like(x)
        for row in hl.grid(x.size(0)):
            for column in hl.grid(ends[0], ends[1]):
                for lanes in hl.tile(x.size(2)):
                    out[row, column, lanes] = x[row, column, lanes]
        return out

    def last(x: torch.Tensor, ends: torch.Tensor) -> torch.Tensor:
        out = torch.zeros_like(x)
        for _ in hl.grid(1):
            for lanes in hl.tile(x.size(2)):
                out[ends[0], ends[1], lanes] = x[ends[0], ends[1], lanes]
        return out

    x = torch.randn(2, 4, 64)
    config = {"indexing": "tensor_descriptor"}
    ends = torch.tensor([0, 4], dtype=index_dtype)
    torch.testing.assert_close(compiled(kernel, block_sizes=[32], **config)(x, ends), x)
    ends = torch.tensor([1, 3], dtype=index_dtype)
    wanted = torch.zeros_like(x)
    wanted[1, 3] = x[1, 3]
    torch.testing.assert_close(compiled(last, block_sizes=[32], **config)(x, ends), wanted)


def test_descriptors_move_blocks_that_a_pipeline_may_line_up() -> None:
    """The second block of a pipeline begins where the first ends, which has to be a multiple of 128 bytes."""

    def kernel(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty([x.size(0)], device=x.device)
        for rows in hl.tile(x.size(0)):
            acc = hl.zeros([rows])
            for columns in hl.tile(x.size(1)):
                acc = acc + x[rows, columns].sum(1)
            out[rows] = acc
        return out

    x = torch.randn(8, 64)
    bound = helion.kernel(kernel).bind((x,))
    config = {"num_stages": 4, "indexing": ["tensor_descriptor", "pointer"]}
    with pytest.raises(exc.InvalidConfig, match="128 in all"):
        bound.to_triton_code(helion.Config(block_sizes=[2, 8], **config))
    found = compiled(kernel, block_sizes=[4, 8], **config)(x)
    torch.testing.assert_close(found, x.sum(1))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16])
def test_extremes_of_small_integers(dtype: torch.dtype) -> None:
    """They stay in their dtype: sums of them wrap around."""

    def kernel(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty([2, x.size(0)], dtype=torch.int64, device=x.device)
        for tile in hl.tile(x.size(0)):
            greatest, least = x[tile, :].amax(1), x[tile, :].amin(1)
            out[0, tile] = (greatest + greatest).to(torch.int64)
            out[1, tile] = (least % greatest).to(torch.int64)
        return out

    x = torch.randint(1, torch.iinfo(dtype).max, (5, 9), dtype=dtype)
    greatest, least = x.amax(1), x.amin(1)
    wanted = torch.stack([greatest + greatest, least % greatest]).long()
    assert torch.equal(compiled(kernel, block_sizes=[2])(x), wanted)


def test_reduction_of_what_a_loop_carried() -> None:
    """Its padding is masked, though nothing is known of its axes."""

    def kernel(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty([x.size(1), x.size(0)], device=x.device)
        for rows, columns in hl.tile([x.size(0), x.size(1)]):
            for lanes in hl.tile(x.size(2), block_size=8):
                acc = hl.zeros([rows, columns, lanes])
                for _ in hl.grid(2):
                    acc = acc + x[rows, columns, lanes] + 1
                out[columns, rows] = acc.sum(2).permute(1, 0)
        return out

    x = torch.randn(5, 3, 7)
    found = compiled(kernel, block_sizes=[2, 2])(x)
    torch.testing.assert_close(found, (2 * x + 2).sum(2).t())


def test_a_false_claim_of_alignment_shows_in_the_interpreter() -> None:
    """A binary would read several elements at once."""

    def kernel(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        for tile in hl.tile(x.size(0)):
            out[tile] = x[tile]
        return out

    x = torch.randn(17)
    bound: Any = helion.kernel(kernel).bind((x[1:],))
    specialized = bound._implementation.specialized
    torch.testing.assert_close(bound(x[1:]), x[1:])
    specialized.aligned = frozenset({0})
    with pytest.raises(AssertionError, match="x counts as a multiple of 16"):
        specialized.run_interpreted((x[1:],), bound.config_spec.default_config())
