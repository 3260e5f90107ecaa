"""Sizes that only the call tells, next to numbers and to each other: equal ones are one size everywhere."""

from __future__ import annotations

import pytest
import torch

import helion
import helion.language as hl
from helion import exc


def dynamic(function):
    return helion.kernel(function, static_shapes=False, config=helion.Config())


def test_size_of_an_argument_and_a_number() -> None:
    @dynamic
    def fn(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        out = torch.empty([x.size(0), 5], device=x.device)
        for tile in hl.tile(x.size(0)):
            out[tile, :] = (x[tile, :] + y[:]).expand([tile, 5])
        return out

    x, y = torch.randn(7, 5), torch.randn(5)
    torch.testing.assert_close(fn(x, y), x + y)


def test_permuted_before_sizes_are_known_to_be_equal() -> None:
    @dynamic
    def fn(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        out = torch.empty([6, x.size(0)], device=x.device)
        for tile in hl.tile(x.size(0)):
            rows = x[tile, :]
            added = rows.t() + hl.zeros([6, tile])
            out[:, tile] = added + rows.permute(1, 0) + y[:].unsqueeze(1)
        return out

    x, y = torch.randn(9, 6), torch.randn(6)
    torch.testing.assert_close(fn(x, y), 2 * x.t() + y[:, None])


def test_product_over_a_size_and_a_number() -> None:
    @dynamic
    def fn(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        out = torch.empty([x.size(0), y.size(1)], device=x.device)
        for rows, columns in hl.tile([x.size(0), y.size(1)]):
            left = x[rows, :] + torch.zeros([rows, 4])
            out[rows, columns] = left @ y[:, columns]
        return out

    x, y = torch.randn(5, 4), torch.randn(4, 3)
    torch.testing.assert_close(fn(x, y), x @ y)


def test_carried_with_a_size_and_a_number() -> None:
    @dynamic
    def fn(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty([3], device=x.device)
        for _ in hl.grid(1):
            total = torch.zeros([3])
            for row in hl.grid(x.size(0)):
                total = x[row, :] + total if row % 2 == 0 else x[row, :]
            out[:] = total
        return out

    x = torch.randn(4, 3)
    torch.testing.assert_close(fn(x), x[3])


def test_the_guard_knows_what_was_equal() -> None:
    @dynamic
    def fn(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        for tile in hl.tile(x.size(0)):
            out[tile, :] = x[tile, :] + torch.ones([tile, x.size(1)])
            if x.size(1) == 4:
                out[tile, :] = x[tile, :] + torch.ones([tile, 4])
        return out

    for columns in (4, 5, 4):
        x = torch.randn(3, columns)
        torch.testing.assert_close(fn(x), x + 1)


def test_reshape_guards_what_it_takes_for_equal() -> None:
    """Of the lanes of tiles nothing is guarded, so the rest of a shape has to be by itself."""

    @dynamic
    def fn(x: torch.Tensor, width: int) -> torch.Tensor:
        out = torch.zeros([x.size(0), x.size(1)], device=x.device)
        for tile in hl.tile(x.size(0)):
            flat = x[tile, :].reshape(-1)
            if width > 4:
                out[tile, :] = flat.reshape([tile, width])
            else:
                out[tile, :] = flat.reshape([tile, 4]) + 1
        return out

    for columns in (4, 5, 6, 4):
        x = torch.randn(3, columns)
        torch.testing.assert_close(fn(x, columns), x + (columns == 4))


def test_index_tensors_of_a_size_and_a_number() -> None:
    @dynamic
    def fn(x: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        out = torch.empty([rows.size(0), rows.size(1)], device=x.device)
        for tile in hl.tile(rows.size(0)):
            columns = tile.index[:, None] * 0 + hl.arange(3)[None, :]
            out[tile, :] = x[rows[tile, :], columns]
        return out

    x, rows = torch.randn(4, 3), torch.randint(0, 4, (5, 3))
    torch.testing.assert_close(fn(x, rows), x[rows, torch.arange(3)])


def test_merged_sizes_that_only_the_call_tells_are_refused() -> None:
    @dynamic
    def fn(x: torch.Tensor, n: int) -> torch.Tensor:
        out = torch.empty([4, 12], device=x.device)
        for i in hl.grid(4):
            row = x[:, :].reshape([n])
            out[i, :] = row - row.mean(-1, keepdim=True)
        return out

    with pytest.raises(exc.UnsupportedOperator, match="depends on sizes that only the call tells"):
        fn(torch.randn(2, 6), 12)
