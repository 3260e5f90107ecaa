"""Reductions that a loop only adds up are taken lane by lane, and once behind the loop."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import helion
import helion.language as hl


@helion.kernel()
def sums(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty([x.size(0)], dtype=torch.float32, device=x.device)
    for tile_m in hl.tile(x.size(0)):
        total = hl.full([tile_m], 2.0, dtype=torch.float32)
        for tile_n in hl.tile(x.size(1)):
            total += x[tile_m, tile_n].to(torch.float32).sum(-1)
        out[tile_m] = total
    return out


@helion.kernel()
def extremes(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    low, high = (torch.empty([x.size(0)], dtype=x.dtype, device=x.device) for _ in range(2))
    for tile_m in hl.tile(x.size(0)):
        least = hl.full([tile_m], 100, dtype=x.dtype)
        greatest = hl.full([tile_m], -100, dtype=x.dtype)
        for tile_n in hl.tile(x.size(1)):
            values = x[tile_m, tile_n]
            least = torch.minimum(values.amin(-1), least)
            greatest = torch.maximum(greatest, values.amax(-1))
        low[tile_m], high[tile_m] = least, greatest
    return low, high


@helion.kernel()
def columns(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty([x.size(1)], dtype=torch.float32, device=x.device)
    for tile_n in hl.tile(x.size(1)):
        total = hl.zeros([tile_n], dtype=torch.float32)
        for tile_m in hl.tile(x.size(0)):
            total += x[tile_m, tile_n].sum(0)
        out[tile_n] = total
    return out


@helion.kernel()
def read_in_between(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile_m in hl.tile(x.size(0)):
        total = hl.zeros([tile_m], dtype=torch.float32)
        for tile_n in hl.tile(x.size(1)):
            total += x[tile_m, tile_n].sum(-1)
            out[tile_m, tile_n] = x[tile_m, tile_n] + total[:, None]
    return out


@helion.kernel()
def decaying(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty([x.size(0)], dtype=torch.float32, device=x.device)
    for tile_m in hl.tile(x.size(0)):
        total = hl.zeros([tile_m], dtype=torch.float32)
        for tile_n in hl.tile(x.size(1)):
            total = total * 0.5 + x[tile_m, tile_n].sum(-1)
        out[tile_m] = total
    return out


@helion.kernel()
def apart_from_one(x: torch.Tensor) -> torch.Tensor:
    """Padding is 1 away from 1, too: it is kept out of lanes that two reductions bring together."""
    out = torch.empty([x.size(0)], dtype=torch.float32, device=x.device)
    for tile_m in hl.tile(x.size(0)):
        total = hl.zeros([tile_m], dtype=torch.float32)
        for tile_n in hl.tile(x.size(1)):
            apart = x[tile_m, tile_n, :].to(torch.float32) - 1.0
            total = total + (apart * apart).sum(dim=-1).sum(dim=-1)
        out[tile_m] = total
    return out


@helion.kernel()
def greatest_of_planes(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty([x.size(0)], dtype=x.dtype, device=x.device)
    for tile_m in hl.tile(x.size(0)):
        greatest = hl.full([tile_m], float("-inf"), dtype=x.dtype)
        for tile_n in hl.tile(x.size(1)):
            greatest = torch.maximum(greatest, x[tile_m, tile_n, :].amax(dim=1).amax(dim=-1))
        out[tile_m] = greatest
    return out


def source(kernel: Any, x: torch.Tensor, **config: Any) -> str:
    """The generated code, without the comments, which repeat the author's lines."""
    code: str = kernel.bind((x,)).to_triton_code(helion.Config(**config))
    return "\n".join(line for line in code.splitlines() if not line.lstrip().startswith("#"))


def loop_of(code: str) -> str:
    """The body of the only inner loop."""
    before, _, after = code.partition("in tl.range(")
    indent = len(before.splitlines()[-1]) - len(before.splitlines()[-1].lstrip())
    lines = after.splitlines()[1:]
    body = []
    for line in lines:
        if line.strip() and len(line) - len(line.lstrip()) <= indent:
            break
        body.append(line)
    return "\n".join(body)


def run(kernel: Any, x: torch.Tensor, **config: Any) -> Any:
    return kernel.bind((x,)).compile_config(helion.Config(**config))(x)


@pytest.mark.parametrize("shape", [(1, 1), (5, 100), (7, 129), (3, 0)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_sums_of_rows(shape: tuple[int, int], dtype: torch.dtype) -> None:
    x = torch.randn(shape).to(dtype)
    expected = x.double().sum(1).float() + 2
    torch.testing.assert_close(run(sums, x, block_sizes=[2, 32]), expected, rtol=1e-5, atol=1e-5)


def test_the_loop_adds_lanes_and_the_sum_comes_after() -> None:
    code = source(sums, torch.randn(64, 256), block_sizes=[2, 32])
    assert "tl.sum(" not in loop_of(code)
    assert code.count("tl.sum(") == 1


def test_extremes_take_padding_for_neutral() -> None:
    x = torch.randint(-50, 50, (5, 77), dtype=torch.int32)
    low, high = run(extremes, x, block_sizes=[2, 32])
    assert torch.equal(low, x.amin(1))
    assert torch.equal(high, x.amax(1))
    body = loop_of(source(extremes, x, block_sizes=[2, 32]))
    assert "tl.min(" not in body
    assert "tl.max(" not in body


def test_nan_is_an_extreme() -> None:
    x = torch.randn(5, 77)
    x[2, 40] = torch.nan
    low, high = run(extremes, x, block_sizes=[2, 32])
    assert low.isnan().tolist() == high.isnan().tolist() == [False, False, True, False, False]


def test_sums_of_columns() -> None:
    x = torch.randn(100, 37)
    found = run(columns, x, block_sizes=[16, 8])
    torch.testing.assert_close(found, x.sum(0), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kernel", [read_in_between, decaying], ids=lambda one: one.name)
def test_what_is_read_or_changed_in_the_loop_stays_there(kernel: Any) -> None:
    x = torch.randn(5, 100)
    assert "tl.sum(" in loop_of(source(kernel, x, block_sizes=[2, 32]))
    expected = kernel.bind((x,)).compile_config(helion.Config(block_sizes=[1, 128]))
    if kernel is read_in_between:
        found = run(kernel, x, block_sizes=[2, 128])
        torch.testing.assert_close(found, expected(x), rtol=1e-5, atol=1e-5)
    else:
        halves = x[:, :64].sum(1) * 0.5 + x[:, 64:].sum(1)
        torch.testing.assert_close(
            run(kernel, x, block_sizes=[2, 64]), halves, rtol=1e-5, atol=1e-5
        )


@pytest.mark.parametrize(("warps", "hoisted"), [(1, False), (8, True)])
def test_lanes_are_held_where_registers_are_enough(warps: int, hoisted: bool) -> None:
    x = torch.randn(64, 4096)
    body = loop_of(source(sums, x, block_sizes=[2, 4096], num_warps=warps))
    assert ("tl.sum(" not in body) == hoisted


def test_one_lane_is_reduced_where_it_is() -> None:
    x = torch.randn(64, 4096)
    code = source(sums, x, block_sizes=[2, 1])
    assert "sum_lanes" not in code


@pytest.mark.parametrize("kernel", [apart_from_one, greatest_of_planes])
def test_reductions_of_reductions_leave_the_loop_together(kernel: Any) -> None:
    x = torch.randn(5, 37, 21)
    config: dict[str, Any] = {"block_sizes": [2, 16], "num_warps": 4}
    body = loop_of(source(kernel, x, **config))
    assert "tl.sum(" not in body
    assert "tl.reduce(" not in body
    expected = {
        apart_from_one: (x - 1.0).square().sum((1, 2)),
        greatest_of_planes: x.amax((1, 2)),
    }[kernel]
    torch.testing.assert_close(run(kernel, x, **config), expected)


def test_only_the_outer_one_leaves_where_lanes_of_both_are_too_many() -> None:
    x = torch.randn(5, 37, 200)
    config: dict[str, Any] = {"block_sizes": [4, 16], "num_warps": 1}
    body = loop_of(source(apart_from_one, x, **config))
    assert body.count("tl.sum(") == 1
    found = run(apart_from_one, x, **config)
    torch.testing.assert_close(found, (x - 1.0).square().sum((1, 2)))
