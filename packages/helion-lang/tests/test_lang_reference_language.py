"""Each piece of the language in reference mode: tiles, subscripts, products, precision, bookkeeping."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import helion
import helion.language as hl
from helion.exc import InvalidConfig, ShapeMismatch, TileOutOfBounds, UnsupportedOperator
from helion.reference import run

X = torch.arange(35.0).reshape(5, 7)
CAPTURED = torch.full((5,), 0.1)


def test_tiles_cover_a_range_with_a_short_last_one() -> None:
    seen: list[Any] = []

    def kernel(x: torch.Tensor) -> None:
        for tile in hl.tile(2, x.size(0), block_size=4):
            seen.append((tile.begin, tile.end, tile.id, tile.count, tile.block_size))
            assert hl.tile_begin(tile) == tile.begin
            assert hl.tile_end(tile) == tile.end
            assert hl.tile_id(tile) == tile.id
            assert hl.tile_block_size(tile) == tile.block_size
            assert hl.tile_index(tile).tolist() == tile.index.tolist()
            assert tile.index.tolist() == list(range(tile.begin, tile.end))

    run(kernel, (torch.empty(9),))
    assert seen == [(2, 6, 0, 2, 4), (6, 9, 1, 2, 4)]


def test_ends_may_be_tensors_and_empty_ranges_run_nothing() -> None:
    visits: list[int] = []

    def kernel(x: torch.Tensor) -> None:
        for tile in hl.tile(torch.tensor(3)):
            visits.append(tile.end)
        for tile in hl.tile(5, 5):
            visits.append(tile.end)
        for tile_m, tile_n in hl.tile([2, 0], [4, x.size(0) - 1]):
            visits.append(tile_m.end + tile_n.end)

    run(kernel, (torch.empty(1),))
    assert visits == [3]


@pytest.mark.parametrize(
    ("blocks", "sizes"),
    [
        (16, {(16, 16, 16)}),
        ([2, 4, 8], {(2, 4, 8)}),
        ({"tile_k": 1, "tile_n": 2, "tile_m": 3}, {(3, 2, 1)}),
        (None, {(8, 16, 32)}),
    ],
)
def test_block_sizes(blocks: Any, sizes: set[tuple[int, int, int]]) -> None:
    seen = set()

    def kernel(x: torch.Tensor) -> None:
        for tile_m, tile_n in hl.tile([5, 9]):
            for _ in hl.tile(3, block_size=2):
                pass
            for tile_k in hl.tile(17):
                seen.add((tile_m.block_size, tile_n.block_size, tile_k.block_size))

    run(kernel, (X,), block_sizes=blocks)
    assert seen == sizes


@pytest.mark.parametrize("blocks", [[4], {"tile_m": 4, "tile_k": 4}, 0])
def test_block_sizes_that_do_not_fit(blocks: Any) -> None:
    def kernel(x: torch.Tensor) -> None:
        for tile_m, tile_n in hl.tile(x.size()):
            x[tile_m, tile_n] = 0

    with pytest.raises(InvalidConfig, match="block_sizes"):
        run(kernel, (X.clone(),), block_sizes=blocks)


def test_values_of_a_registered_block_size_are_filled_by_whole_tiles() -> None:
    def kernel(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty([x.size(0)])
        lanes = hl.register_block_size(x.size(1))
        for tile in hl.tile(x.size(0)):
            acc = hl.zeros([tile, lanes])
            for step in hl.tile(x.size(1), block_size=lanes):
                acc += x[tile, step]
            out[tile] = acc.sum(-1)
        return out

    torch.testing.assert_close(run(kernel, (X,)).outputs, X.sum(-1))


def sum_in_lanes(x: torch.Tensor, most: int) -> torch.Tensor:
    out = torch.empty([x.size(0)])
    lanes = hl.register_block_size(most)
    for tile in hl.tile(x.size(0)):
        acc = hl.zeros([tile, lanes])
        for inner in hl.tile(x.size(1), block_size=lanes):
            acc = acc + x[tile, inner]
        out[tile] = acc.sum(1)
    return out


@pytest.mark.parametrize("lanes", [1, 4, 8, 16, 64])
def test_with_a_config_values_of_a_registered_size_are_never_short(lanes: int) -> None:
    x = torch.randn(3, 20)
    kernel = helion.kernel(
        sum_in_lanes, ref_mode=True, config=helion.Config(block_sizes=[lanes, 2])
    )
    torch.testing.assert_close(kernel(x, 20), x.sum(1))


def test_a_tile_shorter_than_a_value_of_its_block_size_is_told() -> None:
    with pytest.raises(ShapeMismatch, match="has 4 positions, its block size is 16"):
        run(sum_in_lanes, (torch.zeros(3, 20), 20), block_sizes=[16, 4])


def test_registered_block_size_and_specialize() -> None:
    def kernel(x: torch.Tensor) -> int:
        block = hl.register_block_size(2, x.size(0))
        assert hl.specialize(x.size(1)) == 7
        assert hl.specialize((1, 2)) == (1, 2)
        for tile in hl.tile(x.size(0), block_size=block):
            assert tile.block_size == block
        return block

    assert run(kernel, (X,)).outputs == X.size(0)  # one tile, and it is not short
    assert run(kernel, (X,), block_sizes={"block": 2}).outputs == 2
    assert run(kernel, (X,), block_sizes=[4]).outputs == 4


def test_subscripts_read_what_torch_would() -> None:
    index = torch.tensor([4, 0, 2])

    def kernel(x: torch.Tensor) -> None:
        for tile_m, tile_n in hl.tile(x.size(), block_size=[2, 3]):
            m, n = slice(tile_m.begin, tile_m.end), slice(tile_n.begin, tile_n.end)
            cases = [
                (x[tile_m, tile_n], X[m, n]),
                (x[tile_m], X[m]),
                (x[tile_m, :], X[m]),
                (x[..., tile_n], X[:, n]),
                (x[tile_m, None, tile_n], X[m, None, n]),
                (x[tile_m.index, None], X[m, None]),
                (x[2, tile_n], X[2, n]),
                (x[-1, tile_n], X[-1, n]),
                (x[tile_m, 1:5:2], X[m, 1:5:2]),
                (x[index, tile_n], X[index, n]),
                (x[tile_m.index[:, None], tile_n.index[None, :]], X[m, n]),
                (x[torch.tensor(3), tile_n], X[3, n]),
                (hl.load(x, [tile_m, tile_n]), X[m, n]),
            ]
            for found, expected in cases:
                torch.testing.assert_close(found, expected, rtol=0, atol=0)

    run(kernel, (X,))


@pytest.mark.parametrize("shift", [-9, -2, -1, 0, 1, 3, 9])
@pytest.mark.parametrize("block", [2, 8])
def test_shifted_tile_is_masked_by_the_tensor(shift: int, block: int) -> None:
    def kernel(x: torch.Tensor, read: torch.Tensor, written: torch.Tensor) -> None:
        for tile in hl.tile(x.size(0), block_size=block):
            read[tile, :] = x[tile + shift, :]
            written[tile - (-shift), :] = x[tile, :]
            assert (tile + shift - shift).index.tolist() == tile.index.tolist()
            assert (tile + shift).begin == tile.begin + shift

    read, written = torch.full_like(X, -1), torch.full_like(X, -1)
    run(kernel, (X, read, written))
    for row in range(5):
        inside = 0 <= row + shift < 5
        assert read[row].tolist() == (X[row + shift].tolist() if inside else [0.0] * 7)
        inside = 0 <= row - shift < 5
        assert written[row].tolist() == (X[row - shift].tolist() if inside else [-1.0] * 7)


def test_stores_broadcast_and_cast() -> None:
    def kernel(x: torch.Tensor, whole: torch.Tensor) -> None:
        for tile in hl.tile(x.size(0)):
            whole[tile, :] = x[tile, 0][:, None] + 0.75
            hl.store(whole, [tile, 1], 9.5)

    whole = torch.zeros(5, 7, dtype=torch.int32)
    assert dict(run(kernel, (X, whole)).mutated) == {1: whole}
    assert whole[:, 0].tolist() == [0, 7, 14, 21, 28]
    assert whole[:, 1].tolist() == [9] * 5


def test_tiles_are_sizes() -> None:
    def kernel(x: torch.Tensor) -> None:
        for tile_m, tile_n in hl.tile(x.size(), block_size=[2, 4]):
            shape = x[tile_m, tile_n].shape
            assert torch.zeros([tile_m, tile_n]).shape == shape
            assert torch.full((tile_m, 2), 1.0).shape == (shape[0], 2)
            assert x.new_zeros([tile_m, tile_n]).shape == shape
            assert set(hl.full([tile_m, tile_n], 2.5).view(-1).tolist()) == {2.5}
            filled = hl.full([tile_m], x[1, 1], dtype=torch.int64)
            assert filled.tolist() == [8] * shape[0]
            assert x[tile_m, 0][:, None].expand([tile_m, tile_n]).shape == shape

    run(kernel, (X,))


@pytest.mark.parametrize("accumulator", [torch.float32, torch.bfloat16, torch.float64])
def test_products_of_mixed_dtypes(accumulator: torch.dtype) -> None:
    a = torch.randn(3, 4, generator=torch.Generator().manual_seed(0)).bfloat16()
    b = torch.randn(4, 5, generator=torch.Generator().manual_seed(1)).half()
    exact = a.double() @ b.double()

    results: list[torch.Tensor] = []

    def kernel(left: torch.Tensor, right: torch.Tensor) -> None:
        for _ in hl.tile(1):
            a, b = left[:, :], right[:, :]
            acc = hl.zeros([3, 5], dtype=accumulator)
            results.extend([torch.addmm(acc, a, b), acc.addmm(a, b), hl.dot(a, b, acc=acc)])
            results.append(torch.baddbmm(acc[None], a[None], b[None])[0])
            assert (a @ a.T).dtype is a.dtype
            assert torch.bmm(a[None], b[None]).dtype is torch.float32
            assert torch.mm(a, b).dtype is torch.matmul(a, b).dtype is torch.float32
            assert hl.dot(a, b).dtype is torch.float32
            assert hl.dot(a, b, out_dtype=torch.float16).dtype is torch.float16
            assert hl.dot(a.to(torch.int8), b.to(torch.int8)).dtype is torch.int32

    run(kernel, (a, b))
    for result in results:
        assert result.dtype is accumulator
        torch.testing.assert_close(result, exact.float().to(accumulator), rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("other", [torch.float8_e4m3fn, torch.float8_e5m2, torch.bfloat16])
def test_products_of_eight_bits(other: torch.dtype) -> None:
    a = torch.randn(3, 4).to(torch.float8_e4m3fn)
    b = torch.randn(4, 5).to(other)
    seen: list[torch.Tensor] = []

    def kernel(left: torch.Tensor, right: torch.Tensor) -> None:
        for _ in hl.tile(1):
            seen.append(hl.dot(left[:, :], right[:, :]))
            seen.append(torch.addmm(hl.zeros([3, 5]), left[:, :], right[:, :]))

    run(kernel, (a, b))
    for product in seen:
        torch.testing.assert_close(product, a.float() @ b.float())


def test_high_precision_reaches_everything_and_changes_nothing_outside() -> None:
    held = torch.full((5,), 0.2)

    def scaled(row: torch.Tensor) -> torch.Tensor:
        return row * held[:]

    def kernel(x: torch.Tensor, out: torch.Tensor, function: Any) -> dict[str, Any]:
        made = torch.zeros(2, dtype=torch.float16)
        for tile in hl.tile(x.size(0)):
            row = x[tile].to(torch.bfloat16).half().float() + CAPTURED[tile]
            assert row.dtype is torch.float64
            assert hl.full([tile], 0.1, dtype=torch.float16).dtype is torch.float64
            assert torch.full([2], 0.1).tolist() == [0.1, 0.1]
            out[tile] = function(row)
        return {"made": made, "count": 1}

    x, out = torch.full((5,), 1 / 3), torch.zeros(5)
    result = run(kernel, (x, out, scaled), precision="high")
    assert result.outputs["made"].dtype is torch.float64
    expected = (x.double() + CAPTURED.double()) * held.double()
    torch.testing.assert_close(result.mutated[1], expected, rtol=1e-15, atol=0)
    assert list(result.mutated) == [1]
    assert out.tolist() == [0] * 5
    assert CAPTURED.dtype is held.dtype is torch.float32


def test_high_precision_keeps_one_tensor_one() -> None:
    def kernel(x: torch.Tensor, same: torch.Tensor) -> bool:
        for tile in hl.tile(x.size(0)):
            x[tile] = x[tile] + 1
        return x is same

    result = run(kernel, (CAPTURED, CAPTURED), precision="high")
    assert result.outputs
    assert list(result.mutated) == [0, 1]


def test_looking_at_bits_is_refused_in_high_precision() -> None:
    def kernel(x: torch.Tensor) -> None:
        for tile in hl.tile(x.size(0)):
            x[tile].view(torch.int32)

    run(kernel, (CAPTURED,))
    with pytest.raises(UnsupportedOperator, match="bits"):
        run(kernel, (CAPTURED,), precision="high")


def test_host_code_may_return_before_the_loop() -> None:
    def kernel(x: torch.Tensor) -> torch.Tensor:
        if x.numel() == 0:
            return x
        for tile in hl.tile(x.size(0)):
            x[tile] = 1
        return x

    empty = torch.empty(0)
    assert run(kernel, (empty,)).outputs is empty


def test_every_way_to_write_to_an_argument_is_noticed() -> None:
    def kernel(x: torch.Tensor, way: int, other: torch.Tensor) -> None:
        for _ in hl.tile(1):
            pass
        if way == 0:
            x.view(-1)[0] = 1
        elif way == 1:
            x += 1
        elif way == 2:
            torch.add(other, other, out=x)
        elif way == 3:
            torch.nn.functional.relu(x, inplace=True)
        elif way == 4:
            x[0].zero_()
        else:
            x + 1

    for way in range(6):
        result = run(kernel, (torch.ones(2, 2), way, torch.ones(2, 2)))
        assert list(result.mutated) == ([0] if way < 5 else [])


def test_keyword_only_arguments_are_given_by_position() -> None:
    def kernel(x: torch.Tensor, *, scale: float) -> torch.Tensor:
        out = torch.empty_like(x)
        for tile in hl.tile(x.size(0)):
            out[tile] = x[tile] * scale
        return out

    assert run(kernel, (torch.ones(2), 3.0)).outputs.tolist() == [3, 3]


def test_exceptions_of_the_user_pass_and_leave_nothing_active() -> None:
    def kernel(x: torch.Tensor) -> None:
        for _ in hl.tile(x.size(0)):
            raise LookupError("the user's own")

    with pytest.raises(LookupError, match="the user's own"):
        run(kernel, (X,))
    assert hl.active() is None


def test_original_error_is_the_cause() -> None:
    def kernel(x: torch.Tensor) -> None:
        for tile in hl.tile(x.size(0) + 1):
            x[tile, :] = 0

    with pytest.raises(TileOutOfBounds) as caught:
        run(kernel, (X,))
    assert caught.value.diagnostic.span is not None
    assert caught.value.diagnostic.span.text() == "x[tile, :]"
