"""Grids of two and three dimensions: ``pid_type="xyz"``."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
import torch

import helion
import helion.language as hl
from helion.exc import BarrierRequiresPersistent, InvalidConfig
from helion_compiler.building import parse_target
from helion_runtime.errors import NoVariantError


def scaled(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size()):
        out[tile] = x[tile] + 2 * y[tile]
    return out


def _grid(bound: Any, config: helion.Config) -> Any:
    built = bound._implementation.specialized.build(config, parse_target("sm_90"))
    return built.variant.launches[0].grid


@pytest.mark.parametrize("static", [True, False], ids=["static", "dynamic"])
@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_three_dimensions(order: tuple[int, ...], *, static: bool) -> None:
    x, y = torch.randn(5, 17, 33), torch.randn(5, 33, 17).transpose(1, 2)
    bound = helion.kernel(static_shapes=static)(scaled).bind((x, y))
    config = helion.Config(block_sizes=[2, 8, 16], loop_orders=[list(order)], pid_type="xyz")
    source = bound.to_triton_code(config)
    assert all(f"tl.program_id({axis})" in source for axis in range(3))
    tiles = (3, 3, 3)
    if static:
        assert _grid(bound, config) == tuple(tiles[axis] for axis in order)
    torch.testing.assert_close(bound.compile_config(config)(x, y), x + 2 * y)


def test_groups_need_a_row_of_programs() -> None:
    x = torch.randn(64, 70)
    bound = helion.kernel()(scaled).bind((x, x))
    config = helion.Config(block_sizes=[8, 16], pid_type="xyz", l2_groupings=[4])
    assert "group" not in bound.to_triton_code(config)
    assert _grid(bound, config) == (8, 5, 1)
    space = bound.config_spec.space
    assert "l2_groupings[grid]" not in space.active(space.point({"pid_type": "xyz"}))


def test_long_second_dimensions() -> None:
    x = torch.empty(2, 70000)
    bound = helion.kernel()(scaled).bind((x, x))
    with pytest.raises(InvalidConfig, match="at most 65535 programs"):
        bound.to_triton_code(helion.Config(block_sizes=[1, 1], pid_type="xyz"))
    for others in ({"loop_orders": [[1, 0]]}, {"block_sizes": [1, 2]}):
        config = helion.Config(**{"block_sizes": [1, 1], "pid_type": "xyz", **others})
        assert "tl.program_id(1)" in bound.to_triton_code(config)


def test_a_guard_where_sizes_are_open() -> None:
    config = helion.Config(block_sizes=[1, 1], pid_type="xyz")
    kernel = helion.kernel(static_shapes=False, config=config)(scaled)
    x = torch.randn(2, 3)
    torch.testing.assert_close(kernel(x, x), 3 * x)
    long = torch.randn(2, 70000)
    with pytest.raises(NoVariantError, match="65535"):
        kernel(long, long)


@helion.kernel()
def halves(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        out[tile, :] = x[tile, :] * 2
    return out


@helion.kernel()
def in_turn(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size()):
        out[tile] = x[tile] * 2
    hl.barrier()
    for tile in hl.tile(x.size()):
        out[tile] = out[tile] + 1
    return out


def test_grids_that_have_no_dimensions_to_spare() -> None:
    x = torch.randn(8, 8)
    flat = halves.bind((x,))
    with pytest.raises(InvalidConfig, match="the grid has one dimension"):
        flat.to_triton_code(helion.Config(pid_type="xyz"))
    excluded = {item.what: item.reason for item in flat.config_spec.excluded}
    assert excluded["pid_type xyz"] == "the grid has one dimension"
    with pytest.raises(BarrierRequiresPersistent):
        in_turn.bind((x,)).to_triton_code(helion.Config(pid_type="xyz"))
