"""Short loops unrolled completely: which may be, and that they compute the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion
import helion.language as hl
from helion.exc import InvalidConfig
from helion_compiler.building import parse_target

if TYPE_CHECKING:
    from types import ModuleType


@helion.kernel()
def weighted(x: torch.Tensor) -> torch.Tensor:
    """Loops in loops, over positions and over tiles of two axes; the number of a turn enters the sum."""
    rows, depth, columns = x.size()
    out = torch.empty([rows], dtype=x.dtype, device=x.device)
    for tile in hl.tile(rows):
        acc = hl.zeros([tile], dtype=torch.float32)
        for i in hl.grid(depth):
            for part in hl.tile(columns):
                acc = acc + x[tile, i, part].sum(-1) * i
        for deep, wide in hl.tile([depth, columns]):
            acc = acc + x[tile, deep, wide].sum(-1).sum(-1) * (deep.begin + wide.id)
        out[tile] = acc
    return out


def _expected(x: torch.Tensor, deep: int, wide: int) -> torch.Tensor:
    total = (x * torch.arange(x.size(1))[None, :, None]).sum((1, 2))
    for i in range(0, x.size(1), deep):
        for number, j in enumerate(range(0, x.size(2), wide)):
            total = total + x[:, i : i + deep, j : j + wide].sum((1, 2)) * (i + number)
    return total


@pytest.mark.parametrize("static", [[True] * 3, [True, False, False], [False, True, True]])
def test_turns_are_numbers_of_the_device(static: list[bool]) -> None:
    x = torch.randn(5, 3, 50)
    bound = weighted.bind((x,))
    names = [site.name for site in bound.config_spec.sites["static_ranges"]]
    config = helion.Config(
        block_sizes={"tile": 8, "part": 32, "deep": 2, "wide": 16},
        static_ranges=dict(zip(names, static, strict=True)),
    )
    source = bound.to_triton_code(config)
    assert source.count("tl.static_range") == static[0] + static[1] + 2 * static[2]
    torch.testing.assert_close(bound.compile_config(config)(x), _expected(x, 2, 16))
    built = bound._implementation.specialized.build(config, parse_target("sm_90"))
    assert built.image.binary


def test_an_unrolled_loop_has_no_options(golden_sources: ModuleType) -> None:
    bound = golden_sources.SOURCES["matmul_range_options"].bind()
    options: dict[str, Any] = golden_sources.SOURCES["matmul_range_options"].config
    assert "loop_unroll_factor" in bound.to_triton_code(helion.Config(**options))
    unrolled = helion.Config(**options, static_ranges=[True])
    assert "loop_unroll_factor" not in bound.to_triton_code(unrolled)
    space = bound.config_spec.space
    active = space.active(space.point({"static_ranges[tile_k]": True}))
    assert not any(name.startswith("range_") and "tile_k" in name for name in active)


def test_long_loops_and_open_bounds_stay(
    golden_sources: ModuleType, config_kernels: ModuleType
) -> None:
    def why(bound: Any) -> str:
        (site,) = bound.config_spec.sites["static_ranges"]
        assert site.parameter is None
        with pytest.raises(InvalidConfig, match=site.reason):
            bound.to_triton_code(helion.Config(static_ranges=[True]))
        return str(site.reason)

    assert "at run time" in why(golden_sources.SOURCES["matmul_dynamic"].bind())
    assert "at run time" in why(config_kernels.CASES["jagged_sums"].bind())
    long = (torch.empty(16, 4096), torch.empty(4096, 16))
    assert "turns at least 32 times" in why(helion.kernel()(golden_sources.matmul).bind(long))


def test_a_search_unrolls_short_loops(config_kernels: ModuleType) -> None:
    spec = config_kernels.CASES["matmul"].bind().config_spec
    unrolled = {"static_ranges[tile_k]": True}
    for block, fits in ((16, True), (64, True), (128, False)):
        point = spec.space.point({**unrolled, "block_sizes[tile_k]": block})
        violated = [violation.name for violation in spec.space.check(point)]
        assert ("static_ranges[tile_k]" not in violated) == fits, (block, violated)
