"""Grids of several axes as one flat axis: the same results, and which grids stay as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion
import helion.language as hl
from helion.exc import InvalidConfig
from helion_compiler.building import parse_target

if TYPE_CHECKING:
    from collections.abc import Callable


def mixed(x: torch.Tensor, y: torch.Tensor, rows: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """Row-major, transposed, along one axis each, positions, and a condition."""
    out = torch.empty([x.size(0), x.size(1)], dtype=x.dtype, device=x.device)
    for i, j in hl.tile(out.size()):
        value = x[i, j] * rows[i][:, None] + bias[j][None, :] + y[j, i].t()
        below = (i.index[:, None] > j.index[None, :]) & (value > 0)
        out[i, j] = torch.where(below, value, value - 0.5 * i.index[:, None])
    return out


def _mixed(x: torch.Tensor, y: torch.Tensor, rows: torch.Tensor, bias: torch.Tensor) -> Any:
    value = x * rows[:, None] + bias + y.t()
    i, j = torch.arange(x.size(0))[:, None], torch.arange(x.size(1))[None, :]
    return torch.where((i > j) & (value > 0), value, value - 0.5 * i)


@pytest.mark.parametrize("shape", [(1, 1), (37, 67), (1, 200), (200, 1), (64, 32)], ids=str)
@pytest.mark.parametrize("blocks", [[1, 1], [4, 32], [1, 256]], ids=str)
@pytest.mark.parametrize("kind", ["flat", "persistent_blocked"])
def test_two_axes(shape: tuple[int, int], blocks: list[int], kind: str) -> None:
    if blocks == [1, 1] and shape != (1, 1):
        blocks = [2, 16]
    m, n = shape
    arguments = (torch.randn(m, n), torch.randn(n, m), torch.randn(m), torch.randn(n))
    bound = helion.kernel()(mixed).bind(arguments)
    config = helion.Config(block_sizes=blocks, flatten_loops=[True], pid_type=kind)
    source = bound.to_triton_code(config)
    assert "i_j_begin" in source
    torch.testing.assert_close(bound.compile_config(config)(*arguments), _mixed(*arguments))


def three(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for a, b, c in hl.tile(x.size(), block_size=[None, 1, None]):
        out[a, b, c] = x[a, b, c].to(torch.float32) - y[a, b, c] + 1
    return out


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int32], ids=str)
def test_three_axes_of_other_strides(dtype: torch.dtype) -> None:
    x = (torch.randn(3, 5, 17) * 9).to(dtype)
    y = (torch.randn(17, 3, 5) * 9).to(dtype).permute(1, 2, 0)
    bound = helion.kernel()(three).bind((x, y))
    config = helion.Config(block_sizes=[2, 16], flatten_loops={"grid": True})
    expected = (x.float() - y + 1).to(dtype)
    torch.testing.assert_close(bound.compile_config(config)(x, y), expected)


@helion.kernel()
def second_rows(out: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    for i, j in hl.tile(x.size()):
        out[i, 1, j] = x[i, j] + y[i, 0, j]
    return out


def test_numbers_among_subscripts() -> None:
    """A tensor that is not walked as a whole is found by the index along each axis."""
    x, y, out = torch.randn(7, 19), torch.randn(7, 2, 19), torch.randn(7, 2, 19)
    bound = second_rows.bind((out, x, y))
    config = helion.Config(block_sizes=[1, 32], flatten_loops=[True])
    expected = out.clone()
    expected[:, 1] = x + y[:, 0]
    torch.testing.assert_close(bound.compile_config(config)(out.clone(), x, y), expected)


def test_one_row_of_lanes_is_one_access() -> None:
    x = torch.randn(37, 67)
    bound = helion.kernel()(three).bind((x[None], x[None]))
    source = bound.to_triton_code(helion.Config(flatten_loops=[True]))
    assert "//" not in source
    assert "%" not in source
    built = bound._implementation.specialized.build(
        helion.Config(flatten_loops=[True]), parse_target("sm_90")
    )
    assert built.image.binary


def _row_sums(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for i, j in hl.tile(x.size()):
        out[i, j] = x[i, j] + x[i, j].sum(1)[:, None]
    return out


def _begins(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for i, j in hl.tile(x.size()):
        out[i, j] = x[i, j] + i.begin
    return out


def _whole(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty([2, *x.size()], dtype=x.dtype, device=x.device)
    for i, j in hl.tile(x.size()):
        out[:, i, j] = x[i, j][None, :, :].expand(2, i, j)
    return out


def _positions(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for i, j in hl.grid(x.size()):
        out[i, j] = x[i, j] + 1
    return out


def _again(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for i, j in hl.tile(x.size()):
        out[i, j] = x[i, j] + 1
        out[i, j] = out[i, j] * 2
    return out


def _loop(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for i, j in hl.tile(x.size()):
        value = x[i, j]
        for _ in hl.grid(3):
            value = value + 1
        out[i, j] = value
    return out


def _line(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for i in hl.tile(x.size(0)):
        out[i, 0] = x[i, 1]
    return out


REFUSED: dict[Callable[[torch.Tensor], torch.Tensor], str] = {
    _row_sums: "more than to compute element by element",
    _begins: "where tiles begin",
    _whole: "",
    _positions: "not over tiles",
    _again: "element by element",
    _loop: "element by element",
    _line: "one dimension",
}


@pytest.mark.parametrize("function", REFUSED, ids=lambda function: function.__name__)
def test_what_stays_as_it_is(function: Callable[[torch.Tensor], torch.Tensor]) -> None:
    bound = helion.kernel()(function).bind((torch.randn(8, 40),))
    (site,) = bound.config_spec.sites["flatten_loops"]
    assert site.parameter is None
    assert REFUSED[function] in site.reason
    with pytest.raises(InvalidConfig, match="must be False"):
        bound.to_triton_code(helion.Config(flatten_loops=[True]))


def test_open_sizes_stay_as_they_are() -> None:
    x = torch.randn(8, 40)
    bound = helion.kernel(static_shapes=False)(three).bind((x[None], x[None]))
    (site,) = bound.config_spec.sites["flatten_loops"]
    assert "only known at run time" in site.reason


def test_a_flat_grid_has_one_axis_and_one_block() -> None:
    x = torch.randn(64, 64, 64)
    spec = helion.kernel()(three).bind((x, x)).config_spec
    space = spec.space
    flat = space.point({"flatten_loops[grid]": True})
    inactive = {"loop_orders[grid]", "l2_groupings[grid]", "indexing[x@load]"}
    assert space.active(space.point({})) >= inactive
    assert space.active(flat).isdisjoint(inactive)
    assert "flatten_loops[grid]" not in space.active(space.point({"pid_type": "xyz"}))
    for (outer, inner), fits in {(1, 64): True, (8, 64): True, (1, 8): True, (2, 8): False}.items():
        blocks = {"block_sizes[a]": outer, "block_sizes[c]": inner}
        violated = {violation.name for violation in space.check(space.point({**flat, **blocks}))}
        assert ("block of flatten_loops[grid]" not in violated) == fits, (outer, inner)
