"""Random numbers in tile loops: those of the language bit for bit, torch's own by their distribution."""

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


def uniform(x: torch.Tensor, seed: int) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size()):
        out[tile] = hl.rand(tile, seed)
    return out


def normal(x: torch.Tensor, seed: int) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile_m, tile_n in hl.tile(x.size()):
        out[tile_m, tile_n] = hl.randn([tile_m, tile_n], seed)
    return out


def whole(x: torch.Tensor, seed: int) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        out[tile, :] = hl.rand([tile, x.size(1)], seed)
    return out


def dice(x: torch.Tensor, seed: int) -> torch.Tensor:
    out = torch.empty_like(x, dtype=torch.int32)
    for tile_m, tile_n in hl.tile(x.size()):
        out[tile_m, tile_n] = hl.randint([tile_m, tile_n], -3, 4, seed)
    return out


def shifted(x: torch.Tensor, seed: int) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile_m, tile_n in hl.tile(x.size()):
        out[tile_m, tile_n] = hl.rand([tile_m, tile_n + 3], seed)
    return out


def by_offsets(x: torch.Tensor, seed: int) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile_m, tile_n in hl.tile(x.size()):
        place = tile_m.index[:, None].long() * (1 << 33) + tile_n.index[None, :]
        out[tile_m, tile_n] = hl.rand([], seed, offsets=place)
    return out


FUNCTIONS = [uniform, normal, whole, dice, shifted, by_offsets]


@pytest.mark.parametrize("static_shapes", [True, False])
@pytest.mark.parametrize("seed", [0, 42, 1 << 40, -7])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_as_in_reference_mode(function: Any, seed: int, static_shapes: bool) -> None:
    """Bit for bit, whatever the block sizes; the normal ones to the last place of a cosine."""
    x = torch.empty(7, 19)
    expected = reference.run(function, (x, seed)).outputs
    bound = helion.kernel(function, static_shapes=static_shapes).bind((x, seed))
    sites = len(bound.config_spec.sites["block_sizes"])
    for blocks in ([2, 8], [8, 32]):
        found = bound.compile_config(helion.Config(block_sizes=blocks[:sites]))(x, seed)
        if function is normal:
            torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
        else:
            assert torch.equal(found, expected)


def test_four_at_once_and_seeds_from_tensors() -> None:
    def kernel(x: torch.Tensor, seeds: torch.Tensor) -> torch.Tensor:
        out = torch.empty([4, x.size(0)], dtype=torch.float32, device=x.device)
        for tile in hl.tile(x.size(0)):
            a, b, c, d = hl.rand4x(seeds[1], tile.index)
            out[0, tile] = a
            out[1, tile] = b
            out[2, tile] = c
            out[3, tile] = d
        return out

    x, seeds = torch.empty(37), torch.tensor([5, 1234567890123])
    config = helion.Config(block_sizes=[8])
    found = helion.kernel(kernel, config=config)(x, seeds)
    assert torch.equal(found, reference.run(kernel, (x, seeds)).outputs)
    assert found.unique().numel() > 140


def drawn(function: Callable[..., Any], *args: Any, blocks: list[int]) -> Any:
    return helion.kernel(function, config=helion.Config(block_sizes=blocks))(*args)


def check_uniform(numbers: torch.Tensor) -> None:
    assert numbers.min() >= 0
    assert numbers.max() < 1
    numbers = numbers.double()
    torch.testing.assert_close(numbers.mean(), torch.tensor(0.5).double(), atol=0.02, rtol=0)
    torch.testing.assert_close(numbers.var(), torch.tensor(1 / 12).double(), atol=0.01, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
def test_uniform_numbers_of_torch(dtype: torch.dtype) -> None:
    def kernel(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        for tile in hl.tile(x.size(0)):
            out[tile, :] = torch.rand_like(x[tile, :])
        return out

    x = torch.empty(50, 100, dtype=dtype)
    found = drawn(kernel, x, blocks=[8])
    check_uniform(found)
    if dtype is torch.float32:
        assert found.unique().numel() > 4990  # no two tiles, and no two lanes, draw the same


def test_each_call_and_each_place_draws_anew() -> None:
    def kernel(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        first, second = torch.empty_like(x), torch.empty_like(x)
        for tile in hl.tile(x.size(0)):
            first[tile] = torch.rand([tile])
        for tile in hl.tile(x.size(0)):
            second[tile] = torch.rand([tile], device=x.device)
        return first, second

    x = torch.empty(1000)
    bound = helion.kernel(kernel, config=helion.Config(block_sizes=[64, 128]))
    torch.manual_seed(3)
    results = [*bound(x), *bound(x)]
    for result in results:
        check_uniform(result)
    assert torch.stack(results).unique().numel() > 3990
    torch.manual_seed(3)
    assert torch.equal(bound(x)[0], results[0])


def test_each_turn_of_a_loop_draws_anew() -> None:
    def kernel(x: torch.Tensor) -> torch.Tensor:
        m, n = x.size()
        out = torch.empty_like(x)
        for tile in hl.tile(m):
            for column in range(n):
                out[tile, column] = torch.rand([tile])
        return out

    found = drawn(kernel, torch.empty(60, 50), blocks=[16])
    check_uniform(found)
    assert found.unique().numel() > 2990


def test_normal_numbers_of_torch() -> None:
    def kernel(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        for tile in hl.tile(x.size()):
            out[tile] = torch.randn_like(x[tile]) * 2 + torch.empty_like(x[tile]).normal_(5, 0.01)
        return out

    found = drawn(kernel, torch.empty(70, 90), blocks=[8, 32])
    assert abs(found.mean() - 5) < 0.1
    assert abs(found.std() - 2) < 0.1
    assert 0.6 < ((found - 5).abs() < 2).float().mean() < 0.76


def test_integers_of_torch() -> None:
    def kernel(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        for tile in hl.tile(x.size()):
            own = (
                torch.randint(-2, 3, [tile[0], tile[1]])
                if False
                else torch.randint_like(x[tile], -2, 3)
            )
            out[tile] = own
        return out

    found = drawn(kernel, torch.empty(70, 90, dtype=torch.int64), blocks=[8, 32])
    counts = torch.bincount(found.flatten() + 2, minlength=5)
    assert counts.numel() == 5
    assert counts.min() > 1000


@pytest.mark.parametrize("training", [True, False])
def test_dropout(training: bool) -> None:
    def kernel(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        for tile in hl.tile(x.size()):
            out[tile] = torch.nn.functional.dropout(x[tile], 0.25, training)
        return out

    x = torch.full((70, 90), 3.0)
    found = drawn(kernel, x, blocks=[8, 32])
    if training:
        assert set(found.unique().tolist()) == {0.0, 4.0}
        assert 0.2 < (found == 0).float().mean() < 0.3
    else:
        assert torch.equal(found, x)


def test_bernoulli() -> None:
    def kernel(x: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        for tile in hl.tile(x.size()):
            out[tile] = torch.bernoulli(x[tile])
        return out

    found = drawn(kernel, torch.full((70, 90), 0.9), blocks=[8, 32])
    assert 0.85 < found.mean() < 0.95


def test_it_compiles_for_a_gpu() -> None:
    def kernel(x: torch.Tensor, seed: int) -> torch.Tensor:
        out = torch.empty_like(x)
        for tile in hl.tile(x.size()):
            noise = hl.randn(tile, seed) + hl.randint(tile, 0, 9, seed) + torch.rand_like(x[tile])
            out[tile] = torch.nn.functional.dropout(x[tile], 0.5) + noise
        return out

    bound: Any = helion.kernel(kernel).bind((torch.empty(70, 90), 7))
    config = helion.Config(block_sizes=[4, 32])
    built = bound._implementation.specialized.build(config, parse_target("sm_90"))
    assert len(built.image.binary) > 1000
