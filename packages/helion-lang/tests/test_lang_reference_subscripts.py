"""Every form of subscript in reference mode, beside what torch reads and writes."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import helion.language as hl
from helion.exc import (
    DuplicateStoreIndicesError,
    IndexOutOfRange,
    InvalidIndexingType,
    ShapeMismatch,
)
from helion.reference import run

if TYPE_CHECKING:
    from collections.abc import Callable

X = torch.arange(4 * 5 * 6.0).reshape(4, 5, 6)
ROWS = torch.tensor([3, 0, 2, 2])
COLUMNS = torch.tensor([4, 1, 0])
GRID = torch.tensor([[0, 5, 1], [2, 2, 3]])
ALL = slice(None)


def in_loop(body: Callable[..., Any], x: torch.Tensor) -> Any:
    """What ``body`` returns of ``x``, called once inside a tile loop."""

    results = []

    def kernel(x: torch.Tensor) -> None:
        for _ in hl.tile(1):
            results.append(body(x))

    run(kernel, (x,))
    return results[0]


CASES: list[tuple[Any, Callable[[], torch.Tensor]]] = [
    ((ROWS, COLUMNS), lambda: X[ROWS[:, None], COLUMNS[None, :]]),
    ((ROWS, ALL, GRID[0]), lambda: X[ROWS][:, :, GRID[0]]),
    (
        (ROWS, COLUMNS, GRID[1]),
        lambda: X[ROWS[:, None, None], COLUMNS[None, :, None], GRID[1][None, None, :]],
    ),
    ((ROWS, None, COLUMNS), lambda: X[ROWS[:, None], COLUMNS[None, :]][:, None]),
    ((None, ROWS, 2, COLUMNS), lambda: X[:, 2][ROWS][:, COLUMNS][None]),
    ((GRID,), lambda: X[GRID % 4]),
    ((GRID % 4, GRID % 5, GRID), lambda: X[GRID % 4, GRID % 5, GRID]),
    ((GRID[:, :1] % 4, GRID % 5), lambda: X[GRID[:, :1] % 4, GRID % 5]),
    ((ROWS[:3], GRID % 5), lambda: X[ROWS[:3], GRID % 5]),
    ((GRID % 4, ALL, GRID), lambda: X[GRID % 4, :, GRID]),
    ((GRID % 4, 1, GRID), lambda: X[GRID % 4, 1, GRID]),
    ((GRID % 4, None, GRID % 5), lambda: X[GRID % 4, None, GRID % 5]),
    ((GRID[None], slice(1, 4, 2)), lambda: X[GRID[None] % 4, 1:4:2]),
    ((..., GRID), lambda: X[..., GRID]),
    ((ROWS, slice(4, 1), 0), lambda: X[ROWS, 4:1, 0]),
    ((slice(-3, None), -1), lambda: X[-3:, -1]),
    ((torch.tensor(2), torch.tensor(3)), lambda: X[2, 3]),
    ((slice(torch.tensor(1), torch.tensor(3)),), lambda: X[1:3]),
    ((torch.empty(0, dtype=torch.int64), COLUMNS), lambda: X[:0, :3]),
]


def _fixed(index: Any) -> Any:
    """Indices that fit the first dimension of X."""
    if len(index) == 1 and isinstance(index[0], torch.Tensor) and index[0].ndim > 1:
        return (index[0] % 4,)
    if index[0].__class__ is torch.Tensor and index[0].ndim == 3:
        return (index[0] % 4, *index[1:])
    return index


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case[0]).replace("\n", "")[:60])
def test_what_is_read(case: tuple[Any, Callable[[], torch.Tensor]]) -> None:
    index, expected = case
    index = _fixed(index)
    found = in_loop(lambda x: x[index], X)
    torch.testing.assert_close(found, expected(), rtol=0, atol=0)
    loaded = in_loop(lambda x: hl.load(x, list(index)), X)
    torch.testing.assert_close(loaded, expected(), rtol=0, atol=0)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case[0]).replace("\n", "")[:60])
def test_what_is_written(case: tuple[Any, Callable[[], torch.Tensor]]) -> None:
    """Each element selected becomes a function of what it was, so that one met twice is written alike."""
    index, _ = case
    index = _fixed(index)
    found, expected = X.clone(), X.clone()

    def body(x: torch.Tensor) -> None:
        x[index] = x[index] * -10 - 7

    in_loop(body, found)
    touched = torch.zeros_like(X)
    selected = in_loop(lambda x: x[index], X).long().reshape(-1)
    touched.view(-1)[selected] = 1
    expected = torch.where(touched.bool(), X * -10 - 7, X)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_tiles_slices_and_gathers_mix() -> None:
    def kernel(x: torch.Tensor, seen: torch.Tensor) -> None:
        for tile_i, tile_k in hl.tile([4, 6]):
            i, k = tile_i.index, tile_k.index
            a, b = slice(tile_i.begin, tile_i.end), slice(tile_k.begin, tile_k.end)
            same = [
                (x[tile_i, COLUMNS, tile_k], X[a][:, COLUMNS][:, :, b]),
                (x[i, COLUMNS, k], X[a][:, COLUMNS][:, :, b]),
                (x[i, 1:4, tile_k], X[a, 1:4, b]),
                (x[tile_i, COLUMNS, 2], X[a][:, COLUMNS, 2]),
                (x[i[:, None], COLUMNS[None, :]], X[a][:, COLUMNS]),
                (x[i[:, None], 0, k[None, :]], X[a, 0, b]),
                (x[tile_i, 4, k], X[a, 4, b]),
                (x[i % 2, tile_i.begin, None, tile_k], X[i % 2, tile_i.begin][:, None, b]),
                (x[tile_i, tile_k.id % 5, tile_k], X[a, tile_k.id % 5, b]),
            ]
            for found, expected in same:
                torch.testing.assert_close(found, expected, rtol=0, atol=0)
            seen[i, ALL, k] = 1.0

    for blocks in (1, 3, 8):
        seen = torch.zeros_like(X)
        run(kernel, (X, seen), block_sizes=blocks)
        assert bool((seen == 1).all())


@pytest.mark.parametrize("rows", [0, 1, 7])
@pytest.mark.parametrize("block", [1, 4, 16])
def test_what_a_mask_leaves_out_is_neither_read_nor_written(rows: int, block: int) -> None:
    x = torch.arange(float(rows)) + 1

    def kernel(x: torch.Tensor, out: torch.Tensor, back: torch.Tensor) -> None:
        for tile in hl.tile(out.size(0)):
            index = tile.index * 2 - 3
            mask = (index >= 0) & (index < x.size(0))
            out[tile] = hl.load(x, [index], extra_mask=mask)
            hl.store(back, [index], tile.index + 1.0, extra_mask=mask)

    out, back = torch.full((9,), -1.0), torch.full((rows,), -1.0)
    run(kernel, (x, out, back), block_sizes=block)
    expected = [2 * i - 2.0 if 0 <= 2 * i - 3 < rows else 0.0 for i in range(9)]
    assert out.tolist() == expected
    wrote = {2 * i - 3: i + 1.0 for i in range(9)}
    assert back.tolist() == [wrote.get(row, -1.0) for row in range(rows)]


def test_masks_broadcast_and_combine_with_shifted_tiles() -> None:
    x = X[:, :, 0].contiguous()

    def kernel(x: torch.Tensor, out: torch.Tensor) -> None:
        for tile_m, tile_n in hl.tile([4, 5]):
            mask = tile_n.index % 2 == 0
            out[tile_m, tile_n] = hl.load(x, [tile_m + 1, tile_n], extra_mask=mask[None, :])
            hl.store(out, [tile_m, tile_n - 1], -5.0, extra_mask=tile_n.index == 0)
            hl.store(out, [0, 0], 99.0, extra_mask=tile_m.index[0] < 0)

    for blocks in (1, 2, 8):
        out = torch.full((4, 5), -1.0)
        run(kernel, (x, out), block_sizes=blocks)
        for row, column in itertools.product(range(4), range(5)):
            value = x[row + 1, column] if row < 3 and column % 2 == 0 else 0.0
            assert out[row, column] == value


def test_tensors_without_elements_and_without_dimensions() -> None:
    results: list[torch.Tensor] = []

    def kernel(empty: torch.Tensor, number: torch.Tensor) -> None:
        for tile in hl.tile(3):
            mask = tile.index < 0
            results.append(hl.load(empty, [tile.index], extra_mask=mask))
            hl.store(empty, [tile.index], 1.0, extra_mask=mask)
            results.append(hl.load(number, []))
            results.append(number[None])
            number[()] = number[()] + 1

    number = torch.tensor(4.0)
    run(kernel, (torch.empty(0), number))
    first, second, third = results
    assert first.tolist() == [0, 0, 0]
    assert (second.item(), third.tolist(), number.item()) == (4.0, [4.0], 5.0)


def test_a_store_of_several_values_to_one_element_is_refused() -> None:
    with pytest.raises(
        DuplicateStoreIndicesError, match=r"index \[2, 1, 0\] occurs more than once"
    ):
        in_loop(lambda x: hl.store(x, [ROWS, 1], hl.rand([4, 6], 0)), X.clone())
    x = X.clone()
    in_loop(lambda x: hl.store(x, [ROWS, 1], float("nan")), x)
    assert bool(x[:, 1].isnan().all(1).tolist() == [True, False, True, True])


def test_what_is_loaded_is_a_copy() -> None:
    def kernel(x: torch.Tensor, out: torch.Tensor) -> None:
        for tile in hl.tile(x.size(0)):
            value = x[tile]
            value += 1
            row = x[tile, 0]
            row.zero_()
            out[tile] = value

    x, out = X[:, :, 0].clone(), torch.empty(4, 5)
    result = run(kernel, (x, out))
    torch.testing.assert_close(x, X[:, :, 0])
    torch.testing.assert_close(out, X[:, :, 0] + 1)
    assert list(result.mutated) == [1]


@pytest.mark.parametrize("strides", ["transposed", "every second", "expanded"])
def test_strides_do_not_matter(strides: str) -> None:
    if strides == "transposed":
        x = X[0].T
    elif strides == "every second":
        x = X.reshape(-1)[::2].reshape(6, 10)[:, :5]
    else:
        x = X[0, 0][:, None].expand(6, 5)

    def kernel(x: torch.Tensor, out: torch.Tensor) -> None:
        for tile_m, tile_n in hl.tile(x.size()):
            out[tile_m, tile_n] = x[tile_m.index, tile_n.index] + x[tile_m, tile_n]

    out = torch.empty(5, 6).T
    run(kernel, (x, out), block_sizes=4)
    torch.testing.assert_close(out, 2 * x)


@pytest.mark.parametrize("index", [[0, 5], [-1, 1]])
def test_a_gather_stays_inside(index: list[int]) -> None:
    wrong = torch.tensor(index)
    with pytest.raises(IndexOutOfRange, match="dimension 1, which has size 5"):
        in_loop(lambda x: x[:, wrong], X)
    with pytest.raises(IndexOutOfRange, match="dimension 1, which has size 5"):
        in_loop(lambda x: hl.store(x, [ALL, wrong], 0), X.clone())


def test_positions_of_loops_do_not_count_from_the_end() -> None:
    def before(x: torch.Tensor) -> None:
        for i in hl.grid(x.size(0)):
            x[i, 0, 0] = x[(i * 2 - 2) // 2, -1, 0]

    def first(x: torch.Tensor) -> None:
        for tile in hl.tile(x.size(0), block_size=2):
            x[tile, 0, 0] = x[5 - tile.begin - tile.end, 0, 0]

    for kernel in (before, first):
        with pytest.raises(IndexOutOfRange, match="index -1 in dimension 0"):
            run(kernel, (X.clone(),))


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ShapeMismatch, match="do not broadcast"):
        in_loop(lambda x: x[GRID, GRID[:, :2]], X)
    with pytest.raises(ShapeMismatch, match="extra_mask"):
        in_loop(lambda x: hl.load(x, [ROWS], extra_mask=torch.ones(3, dtype=torch.bool)), X)
    with pytest.raises(ShapeMismatch, match="does not broadcast"):
        in_loop(lambda x: hl.store(x, [ROWS, COLUMNS], torch.ones(4, 5)), X.clone())
    with pytest.raises(InvalidIndexingType, match=r"a tensor of torch.float32"):
        in_loop(lambda x: x[ROWS[:].float()], X)
    with pytest.raises(InvalidIndexingType, match="a slice with a float"):
        in_loop(lambda x: x[0.5:], X)


@st.composite
def subscripts_of_rank(draw: st.DrawFn) -> tuple[torch.Tensor, list[Any]]:
    """A tensor and entries for its first dimensions; index tensors have one dimension, or two and one shape."""
    shape = draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    flat = draw(st.booleans())
    entries: list[Any] = []
    for size in shape[: draw(st.integers(0, len(shape)))]:
        if draw(st.booleans()) and len(entries) < 6:
            entries.append(None)
        kind = draw(st.sampled_from(["number", "slice", "tensor"]))
        if kind == "number":
            entries.append(draw(st.integers(-size, size - 1)))
        elif kind == "slice":
            bounds = st.none() | st.integers(-size - 1, size + 1)
            entries.append(slice(draw(bounds), draw(bounds), draw(st.integers(1, 3))))
        else:
            count = draw(st.integers(0, 4)) if flat else 6
            places = draw(st.lists(st.integers(0, size - 1), min_size=count, max_size=count))
            index = torch.tensor(places, dtype=torch.int64)
            entries.append(index if flat else index.reshape(2, 3))
    x = torch.arange(float(torch.Size(shape).numel())).reshape(shape)
    return x, entries


def one_after_the_other(x: torch.Tensor, entries: list[Any]) -> torch.Tensor:
    """What entries without joint ones mean: each changes its own dimension."""
    at = 0
    for entry in entries:
        if entry is None:
            x = x.unsqueeze(at)
        elif isinstance(entry, int):
            x = x.select(at, entry % x.size(at))
            continue
        elif isinstance(entry, slice):
            x = x.index_select(at, torch.tensor(range(*entry.indices(x.size(at)))).long())
        else:
            x = x.index_select(at, entry)
        at += 1
    return x


@settings(max_examples=200, deadline=None)
@given(subscripts_of_rank())
def test_any_subscript_reads_and_adds_what_its_entries_mean(
    case: tuple[torch.Tensor, list[Any]],
) -> None:
    x, entries = case
    joint = any(isinstance(entry, torch.Tensor) and entry.ndim > 1 for entry in entries)
    expected = x[tuple(entries)] if joint else one_after_the_other(x, entries)
    found = in_loop(lambda x: x[tuple(entries)], x)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)
    masked = in_loop(lambda x: hl.load(x, entries, extra_mask=x[tuple(entries)] % 2 == 0), x)
    torch.testing.assert_close(masked, torch.where(expected % 2 == 0, expected, 0.0))
    counts = torch.zeros_like(x)
    in_loop(lambda counts: hl.atomic_add(counts, entries, 1.0), counts)
    selected = expected.long().reshape(-1).bincount(minlength=x.numel())
    torch.testing.assert_close(counts.reshape(-1), selected.float())
