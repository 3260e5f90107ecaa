"""By which means points are run untuned, and which a search tries: by kind of kernel and of GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion
import helion.language as hl

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType


def half(*shape: int) -> torch.Tensor:
    return torch.empty(shape, dtype=torch.float16)


@pytest.fixture
def space_of(config_kernels: ModuleType) -> Callable[..., Any]:
    """The config space of a function, or of a kernel of ``config_kernels``, for arguments and a target."""

    def found(function: Any, *arguments: torch.Tensor, target: str = "sm_90") -> Any:
        if isinstance(function, str):
            function = getattr(config_kernels, function)
        case = config_kernels.Case(function, lambda: arguments, torch.add)
        return case.bind_for(target).specialized.space

    return found


def modes(config: helion.Config) -> tuple[str, ...]:
    found = dict(config).get("indexing", ())
    return (found,) if isinstance(found, str) else tuple(found)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("sm_80", set()),
        ("gfx942", set()),
        ("sm_90", {"tensor_descriptor"}),
        ("sm_100", {"tensor_descriptor"}),
    ],
)
def test_what_products_read_comes_by_descriptors_where_there_is_hardware(
    target: str, expected: set[str], space_of: Callable[..., Any]
) -> None:
    space = space_of("matmul", half(4096, 4096), half(4096, 4096), target=target)
    x, y, out = modes(space.default_config()) or ("pointer",) * 3
    assert {x, y} - {"pointer"} == expected
    assert out == "pointer"


def test_rows_that_descriptors_cannot_describe_are_read_by_pointers(
    space_of: Callable[..., Any],
) -> None:
    space = space_of("matmul", half(4095, 4095), half(4095, 4095))
    assert "tensor_descriptor" not in modes(space.default_config())


def decayed(
    start: torch.Tensor, c: torch.Tensor, decay: torch.Tensor, x: torch.Tensor
) -> torch.Tensor:
    rows, depth = c.size()
    depth = hl.specialize(depth)
    out = torch.empty([rows, x.size(1)], dtype=x.dtype, device=x.device)
    for tile_m, tile_p in hl.tile([rows, x.size(1)]):
        acc = hl.dot(c[tile_m, :], start[:, tile_p])
        for tile_k in hl.tile(x.size(0)):
            weight = c[tile_m, tile_k] * decay[tile_k][None, :]
            acc = hl.dot(weight.to(x.dtype), x[tile_k, tile_p], acc=acc)
        out[tile_m, tile_p] = acc
    return out


def test_what_comes_once_before_a_loop_and_vectors_are_read_by_pointers(
    space_of: Callable[..., Any],
) -> None:
    """Each descriptor's load is waited for by itself, where loads by pointers are on their way together."""
    space = space_of(decayed, half(512, 64), half(4096, 512), half(512), half(512, 64))
    default = space.point(space.default_config())
    described = {name for name, value in default.items() if value == "tensor_descriptor"}
    assert described == {"indexing[c@load_1]", "indexing[x@load]"}


def test_loops_are_flattened_where_programs_stay_and_there_is_one_product(
    space_of: Callable[..., Any],
) -> None:
    point = dict(space_of("matmul", half(4096, 4096), half(4096, 4096)).default_config())
    assert point["pid_type"] == "persistent_interleaved"
    assert point["range_flattens"][0] is True
    few = dict(space_of("matmul", half(64, 4096), half(4096, 1024)).default_config())
    assert few["pid_type"] == "flat"
    assert "range_flattens" not in few
    heads = [half(16, 1024, 64) for _ in range(3)]
    for start in space_of("attention", *heads).starts:
        assert not start.get("range_flattens[grid]")


def test_a_search_of_products_tries_other_means_and_the_deepest_pipeline_that_fits(
    space_of: Callable[..., Any],
) -> None:
    space = space_of("matmul", half(64, 4096), half(4096, 1024))
    default, *others = space.starts
    changed = [{k: v for k, v in one.items() if v != default[k]} for one in others]
    assert {"indexing[x@load]": "pointer", "indexing[y@load]": "pointer"} in changed
    assert {"pid_type": "persistent_interleaved"} in changed
    deepest = max(start["num_stages"] for start in space.starts)
    assert space.space.check(space.space.point({**default, "num_stages": deepest + 1}))
    assert any(change.get("range_flattens[grid]") for change in changed)
    assert not any(space.space.check(start) for start in space.starts)


def test_a_search_of_rows_tries_what_loads_say_of_the_cache_and_more_warps(
    space_of: Callable[..., Any],
) -> None:
    default, *others = space_of("softmax", half(8192, 8192)).starts
    changed = [{k: v for k, v in one.items() if v != default[k]} for one in others]
    warps = 2 * default["num_warps"]
    policy = "load_eviction_policies[x@load]"
    for change in (
        {policy: "last"},
        {policy: "last", "store_cache_modifiers[out@store]": ".cs"},
        {policy: "first"},
        {policy: "last", "num_warps": warps},
        {"num_warps": warps},
    ):
        assert change in changed


def row_sums(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty([x.size(0)], dtype=x.dtype, device=x.device)
    for rows in hl.tile(x.size(0)):
        out[rows] = x[rows, :].sum(1)
    return out


@pytest.mark.parametrize(
    ("function", "shape", "target", "loads", "stores"),
    [
        ("softmax", (8192, 8192), "sm_90", {""}, {""}),  # its rows are read once
        (
            "softmax",
            (2048, 65536),
            "sm_90",
            {""},
            {""},
        ),  # nor are these, which fit registers as they were loaded
        ("softmax", (512, 262144), "sm_90", {"last"}, {".cs"}),
        (row_sums, (2048, 65536), "sm_90", {""}, {""}),  # it hardly writes
        ("softmax", (8192, 8192), "gfx942", set(), {""}),  # nothing was measured on AMD's
    ],
)
def test_untuned_kernels_that_read_rows_again_have_the_cache_keep_them(
    function: Any,
    shape: tuple[int, ...],
    target: str,
    loads: set[str],
    stores: set[str],
    space_of: Callable[..., Any],
) -> None:
    space = space_of(function, half(*shape), target=target)
    default = space.space.point(space.point(space.default_config()))

    def values(key: str) -> set[object]:
        return {value for parameter, value in default.items() if parameter.startswith(key)}

    assert values("load_eviction_policies[") == loads
    assert values("store_cache_modifiers[") == stores


def test_blocks_that_no_loop_goes_by_are_left_to_the_rules_of_thumb(
    space_of: Callable[..., Any],
) -> None:
    """The model would take the smallest for the cheapest: how many turns there are depends on it unseen."""

    def balanced(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        m, n = x.size(0), y.size(1)
        out = torch.empty([m, n], dtype=x.dtype, device=x.device)
        rows, columns = hl.register_block_size(16, 128), hl.register_block_size(16, 128)
        across = helion.cdiv(n, columns)
        for worker in hl.grid(64):
            for number in hl.grid(worker, helion.cdiv(m, rows) * across, 64):
                row = (number // across) * rows + hl.arange(rows)
                column = (number % across) * columns + hl.arange(columns)
                acc = hl.zeros([rows, columns], dtype=torch.float32)
                for tile_k in hl.tile(x.size(1)):
                    acc = hl.dot(x[row, tile_k], y[tile_k, column], acc=acc)
                out[row, column] = acc.to(out.dtype)
        return out

    space = space_of(balanced, half(4096, 4096), half(4096, 4096))
    assert space.incomparable == {"block_sizes[block]", "block_sizes[block_1]"}
    assert space.default_config()["num_stages"] > 3  # that the model does see
    assert dict(space.default_config())["block_sizes"][:2] == (128, 128)


def moved(x: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
    for tile in hl.tile(x.size()):
        out[tile] = x[tile] * 2
    return out


def with_a_loop(x: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
    for tile_m, tile_n in hl.tile([x.size(0), x.size(1)]):
        total = hl.zeros([tile_m, tile_n])
        for _ in hl.tile(4):
            total += x[tile_m, tile_n]
        out[tile_m, tile_n] = total
    return out


def order(space: Any) -> Any:
    return dict(space.default_config()).get("loop_orders")


def test_programs_that_move_tiles_walk_along_memory(space_of: Callable[..., Any]) -> None:
    rows, columns = half(1024, 4096), half(4096, 1024).T
    assert order(space_of(moved, rows, rows)) == ((1, 0),)
    assert order(space_of(moved, columns, columns)) is None, "as they are"
    assert order(space_of(moved, rows, columns)) is None, "one of both would be strewn"
    heads = half(4, 32, 4096, 128)
    assert order(space_of(moved, heads, heads)) == ((3, 2, 1, 0),)
    assert order(space_of(moved, heads.transpose(1, 2), heads.transpose(1, 2))) == ((3, 1, 2, 0),)


def test_programs_that_share_what_they_read_keep_their_order(space_of: Callable[..., Any]) -> None:
    rows = half(1024, 4096)
    assert order(space_of(with_a_loop, rows, rows)) is None
    assert order(space_of("matmul", half(4096, 4096), half(4096, 4096))) is None


def doubled(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for first, second, rows in hl.tile(x.size()[:3]):
        out[first, second, rows, :] = x[first, second, rows, :] * 2
    return out


@pytest.mark.parametrize(("order", "beside"), [((0, 1, 2), 2), ((2, 1, 0), 0)])
def test_the_rows_of_an_untuned_program_lie_beside_each_other_in_memory(
    order: tuple[int, ...], beside: int, space_of: Callable[..., Any]
) -> None:
    """Whichever axis of the grid it is that has the rows beside each other."""
    x = half(64, 64, 64, 64).permute(*order, 3)
    config = space_of(doubled, x).default_config()
    assert [place for place, size in enumerate(config["block_sizes"]) if size > 1] == [beside]
