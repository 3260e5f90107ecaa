"""The config space: every entry has a name and a meaning, no dimension is dead, defaults and seeds can run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

import helion
import helion.language as hl
from helion.config_keys import CONFIG_KEYS

if TYPE_CHECKING:
    from types import ModuleType

KERNELS = (
    "matmul_flat_exact",
    "matmul_dynamic",
    "epilogue_bias",
    "add_broadcast",
    "softmax_whole_masked",
    "softmax_rolled_dynamic",
)
DRAWS = 40


@pytest.fixture(params=KERNELS)
def bound(request: pytest.FixtureRequest, golden_sources: ModuleType) -> Any:
    return golden_sources.SOURCES[request.param].bind()


def lowered(bound: Any, config: helion.Config) -> tuple[str, str, int]:
    """Everything that a config can change: the source, and what Triton and a launch are told."""
    schedule = bound._implementation.specialized.lower(config).schedule
    return bound.to_triton_code(config), repr(schedule.compile_options), schedule.sm_multiplier


def test_points_survive_configs(bound: Any) -> None:
    """By position, by name, and through JSON."""
    spec, rng = bound.config_spec, np.random.default_rng(0)
    for _ in range(DRAWS):
        point = spec.space.sample(rng)
        config = spec.config(point)
        assert spec.point(config) == point
        assert spec.point(helion.Config.from_json(config.to_json())) == point
        named = {
            key: dict(zip((site.name for site in spec.sites[key]), value, strict=True))
            if key in spec.sites
            else value
            for key, value in config.items()
        }
        assert spec.point(helion.Config(**named)) == point


def test_names_are_unique_and_known(bound: Any) -> None:
    spec = bound.config_spec
    assert spec.sites.keys() | spec.single.keys() <= CONFIG_KEYS.keys()
    for sites in spec.sites.values():
        names = [site.name for site in sites]
        assert len(set(names)) == len(names)
        assert all(site.parameter is not None or site.reason for site in sites)
    accesses = {
        op.name for op in bound._implementation.specialized.program.walk() if hasattr(op, "buffer")
    }
    assert {site.name for site in spec.sites["indexing"]} == accesses


def test_no_dead_dimension(bound: Any) -> None:
    """Of any point, each step along one parameter changes the source or the launch."""
    spec, rng = bound.config_spec, np.random.default_rng(1)
    changed: set[str] = set()
    for _ in range(6):
        point = spec.space.sample(rng)
        before = lowered(bound, spec.config(point))
        for other in spec.space.neighbours(point):
            names = [name for name in point if point[name] != other[name]]
            if names[0] in changed:
                continue
            assert lowered(bound, spec.config(other)) != before, (names, point, other)
            changed.add(names[0])


def test_different_points_are_different_programs(bound: Any) -> None:
    spec, rng = bound.config_spec, np.random.default_rng(2)
    points = {spec.space.sample(rng) for _ in range(DRAWS)}
    assert len({lowered(bound, spec.config(point)) for point in points}) == len(points)


def test_default_and_seeds_can_run(bound: Any) -> None:
    spec = bound.config_spec
    default = spec.default_config()
    assert not spec.space.check(spec.point(default))
    assert spec.point(default) in spec.starts
    for seed in spec.seeds:
        point = spec.point_of_seed(seed)
        violated = [demand.name for demand in spec.demands if not demand.holds(point)]
        assert violated == []
        lowered(bound, spec.config(point))
    assert any(spec.space.check(spec.point_of_seed(seed)) == [] for seed in spec.seeds)


SIZES = (1, 2, 15, 16, 17, 100, 4096, 70000)


@pytest.mark.parametrize("rows", SIZES)
def test_defaults_fit_every_size(rows: int, golden_sources: ModuleType) -> None:
    """From one element to rows that no block holds."""
    for function in (golden_sources.softmax, golden_sources.add):
        for shape in ((rows, 64), (3, rows)):
            x = torch.empty(shape, dtype=torch.float16)
            arguments = (x,) if function is golden_sources.softmax else (x, x)
            for static in (True, False):
                spec = helion.kernel(static_shapes=static)(function).bind(arguments).config_spec
                spec.point(spec.default_config())
                spec.space.sample(np.random.default_rng(0))
    for m, n, k in ((rows, 64, 32), (32, rows, 64), (64, 32, rows)):
        arguments = (torch.empty(m, k).half(), torch.empty(k, n).half())
        spec = helion.kernel()(golden_sources.matmul).bind(arguments).config_spec
        spec.point(spec.default_config())
        spec.space.sample(np.random.default_rng(0))


@helion.kernel()
def shared_blocks(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    block = hl.register_block_size(64)
    out = torch.empty([x.size(0)], dtype=x.dtype, device=x.device)
    for tile in hl.tile(x.size(0)):
        acc = hl.zeros([tile])
        for other in hl.tile(x.size(1), block_size=block):
            acc += x[tile, other].sum(-1)
        for other in hl.tile(y.size(1), block_size=block):
            acc += y[tile, other].sum(-1)
        out[tile] = acc
    return out


def test_loops_that_share_a_block_have_options_of_their_own() -> None:
    x, y = torch.randn(8, 100), torch.randn(8, 70)
    bound = shared_blocks.bind((x, y))
    names = [site.name for site in bound.config_spec.sites["range_unroll_factors"]]
    assert names == ["grid", "other", "other_1"]
    assert [site.name for site in bound.config_spec.sites["block_sizes"]] == ["block", "tile"]
    config = helion.Config(block_sizes=[16, 8], range_unroll_factors=[0, 2, 3])
    source = bound.to_triton_code(config)
    assert source.index("loop_unroll_factor=2") < source.index("loop_unroll_factor=3")
    torch.testing.assert_close(bound.compile_config(config)(x, y), x.sum(1) + y.sum(1))


def test_authors_may_ask_for_larger_blocks_than_a_search_tries(golden_sources: ModuleType) -> None:
    """One config for all sizes: blocks beyond a small tensor are masked."""
    x = torch.randn(5, 3)
    kernel = helion.kernel(config=helion.Config(block_sizes=[64, 128]))(golden_sources.add)
    torch.testing.assert_close(kernel(x, x), 2 * x)
    y = torch.randn(3, 4)
    product = helion.kernel(config=helion.Config(block_sizes=[128, 64, 32]))(golden_sources.matmul)
    torch.testing.assert_close(product(x, y), x @ y)


@pytest.mark.parametrize("rows", [1, 100])
def test_exclusions_have_reasons(rows: int, golden_sources: ModuleType) -> None:
    bound = helion.kernel()(golden_sources.softmax).bind((torch.empty(rows, 99),))
    excluded = {exclusion.what: exclusion.reason for exclusion in bound.config_spec.excluded}
    assert excluded["loop_orders"] == "the grid has one dimension"
    assert excluded["indexing[x@load]"] == "a stride of x is not a multiple of 16 bytes"
    assert all(excluded.values())


@helion.kernel()
def doubled(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size()):
        out[tile] = x[tile] * 2
    return out


@pytest.mark.parametrize(("lanes", "advised"), [([1, 16], True), ([2, 16], False)])
def test_programs_have_a_lane_for_each_thread_of_a_warp(lanes: list[int], advised: bool) -> None:
    spec = doubled.bind((torch.empty(64, 64),)).config_spec
    found = spec.space.check(spec.point(helion.Config(block_sizes=lanes, num_warps=1)))
    assert [violation.name for violation in found] == ["whole warps"] * advised


def test_tensors_of_fewer_lanes_than_a_warp_has_threads_fill_it_as_far_as_they_go() -> None:
    spec = doubled.bind((torch.empty(3, 3),)).config_spec
    all_of_it, part = (
        spec.point(helion.Config(block_sizes=[4, columns], num_warps=1)) for columns in (4, 2)
    )
    assert not spec.space.check(all_of_it)
    assert spec.space.check(part)


@helion.kernel()
def spread(x: torch.Tensor, y: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    """A product in three dimensions, of which the least block is large."""
    out = torch.empty([x.size(0), y.size(1), z.size(0)], device=x.device)
    for rows, others in hl.tile([x.size(0), y.size(1)]):
        acc = hl.zeros([rows, others])
        for depth in hl.tile(x.size(1)):
            acc = torch.addmm(acc, x[rows, depth], y[depth, others])
            out[rows, others, :] = acc[:, :, None] + z[:]
    return out


@pytest.mark.parametrize(("columns", "advised"), [(500, True), (1000, False)])
def test_large_values_are_shared_by_more_warps(columns: int, advised: bool) -> None:
    """Where no number of warps suffices, nothing is said of registers, and there still are points."""
    arguments = (torch.randn(5, 7), torch.randn(7, 5), torch.randn(columns))
    spec = spread.bind(arguments).config_spec
    default = spec.default_config()
    assert default["num_warps"] >= 16
    assert spec.space.check(spec.point(default)) == []
    assert ("registers" in {constraint.name for constraint in spec.space.constraints}) == advised
    rng = np.random.default_rng(0)
    points = {spec.space.sample(rng) for _ in range(5)}
    assert len(points) > 1
    assert all(spec.space.check(point) == [] for point in points)
