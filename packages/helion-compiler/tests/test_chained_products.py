"""Four stages of two products beside other uses of what is loaded are refused for AMD, and nothing near them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion
import helion.language as hl
from helion.exc import InvalidConfig
from helion_compiler.building import parse_target
from helion_compiler.bundling import BuildRequest

if TYPE_CHECKING:
    from types import ModuleType

REASON = "may not have 4 stages with two products in it"


def chained(
    keys: torch.Tensor, weights: torch.Tensor, values: torch.Tensor, others: bool
) -> torch.Tensor:
    """The state after all positions; with ``others``, something is loaded that no product reads."""
    positions, width = keys.size()
    width = hl.specialize(width)
    out = torch.empty([width, values.size(1)], dtype=torch.float32, device=keys.device)
    for tile_v in hl.tile(values.size(1)):
        state = hl.zeros([width, tile_v], dtype=torch.float32)
        for tile_t in hl.tile(positions, block_size=16):
            new = hl.dot(weights[tile_t, :], state)
            if others:
                new = values[tile_t, tile_v] - new
            state = hl.dot(keys[tile_t, :].T, new, acc=state)
        out[:, tile_v] = state
    return out


def bound_for(
    config_kernels: ModuleType, target: str, *, others: bool = True, positions: int = 64
) -> Any:
    shapes = (positions, 16), (positions, 16), (positions, 32)
    case = config_kernels.Case(
        chained, lambda: (*(torch.randn(shape) for shape in shapes), others), torch.add
    )
    return case.bind_for(target).specialized


@pytest.mark.parametrize(
    ("target", "others", "stages", "fits"),
    [
        ("gfx942", True, 4, False),
        ("gfx942", True, 3, True),
        ("gfx942", True, 5, True),
        ("gfx942", False, 4, True),
        ("sm_90", True, 4, True),
    ],
)
def test_loads_beside_two_products_are_not_pipelined_in_four_stages(
    config_kernels: ModuleType, target: str, others: bool, stages: int, fits: bool
) -> None:
    """What is not refused compiles."""
    bound = bound_for(config_kernels, target, others=others)
    config = helion.Config(block_sizes=[32], num_stages=stages)
    if fits:
        assert bound.build(config, parse_target(target)).image.binary
    else:
        with pytest.raises(InvalidConfig, match=REASON):
            bound.build(config, parse_target(target))


PERSISTENT = {"pid_type": "persistent_blocked", "range_num_stages": [4, 0]}


@pytest.mark.parametrize(
    ("positions", "config", "fits"),
    [
        (64, {"range_num_stages": [0, 4]}, False),
        (64, {"num_stages": 4, "range_num_stages": [0, 2]}, True),
        (64, {"num_stages": 4, "range_unroll_factors": [0, 2]}, True),
        (64, PERSISTENT, True),
        (16, PERSISTENT, False),  # Triton writes out what has one turn
        (64, {**PERSISTENT, "static_ranges": [True]}, True),  # eight products
        (16, {**PERSISTENT, "range_unroll_factors": [2, 0]}, True),  # four
        (64, {**PERSISTENT, "range_flattens": [True, None]}, False),
        (64, {**PERSISTENT, "range_flattens": [True, None], "range_unroll_factors": [0, 4]}, False),
    ],
)
def test_the_stages_and_products_of_a_loop_decide(
    config_kernels: ModuleType, positions: int, config: dict[str, Any], fits: bool
) -> None:
    bound = bound_for(config_kernels, "gfx942", positions=positions)
    whole = helion.Config.from_dict({"block_sizes": [32], **config})
    if fits:
        bound.point(whole)
    else:
        with pytest.raises(InvalidConfig, match=REASON):
            bound.point(whole)


@helion.kernel()
def weighed(x: torch.Tensor, y: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    """Two products of what is loaded for them alone."""
    size = hl.specialize(x.size(1))
    out = torch.empty_like(x)
    for rows in hl.tile(x.size(0)):
        acc = hl.zeros([rows, size], dtype=torch.float32)
        own = x[rows, :]
        for columns in hl.tile(y.size(0)):
            products = hl.dot(own, y[columns, :].T)
            acc = hl.dot(torch.exp(products).to(z.dtype), z[columns, :], acc=acc)
        out[rows, :] = acc.to(out.dtype)
    return out


@pytest.mark.parametrize(
    ("columns", "warps", "dtype", "stages", "fits"),
    [
        (16, 1, torch.bfloat16, 4, False),
        (16, 1, torch.bfloat16, 3, True),
        (16, 2, torch.bfloat16, 4, True),
        (32, 1, torch.float32, 4, False),
        (32, 2, torch.float32, 4, True),
    ],
)
def test_nor_are_operands_of_one_warp(
    columns: int, warps: int, dtype: torch.dtype, stages: int, fits: bool
) -> None:
    arguments = tuple(torch.empty(64, 16, dtype=dtype) for _ in range(3))
    check(weighed, arguments, fits, block_sizes=[32, columns], num_warps=warps, num_stages=stages)


@helion.kernel()
def product_and_bias(x: torch.Tensor, y: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """One product in each turn."""
    out = torch.empty([x.size(0), y.size(1)], dtype=x.dtype, device=x.device)
    for rows, columns in hl.tile([x.size(0), y.size(1)]):
        acc = hl.zeros([rows, columns], dtype=torch.float32)
        for depth in hl.tile(x.size(1)):
            acc = torch.addmm(acc, x[rows, depth], y[depth, columns])
        out[rows, columns] = (acc + bias[columns]).to(out.dtype)
    return out


@pytest.mark.parametrize(
    ("depth", "unrolled", "fits"),
    [(32, 2, False), (32, 0, True), (64, 2, True), (64, 4, True), (16, 2, False)],
)
def test_two_turns_that_are_unrolled_are_two_products(
    depth: int, unrolled: int, fits: bool
) -> None:
    arguments = torch.empty(64, depth), torch.empty(depth, 64), torch.empty(64)
    unroll = {"range_unroll_factors": [0, unrolled]}
    check(product_and_bias, arguments, fits, block_sizes=[16, 16, 16], **PERSISTENT, **unroll)


@helion.kernel()
def weighed_batches(x: torch.Tensor, y: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    """The same of several matrices at once."""
    size = hl.specialize(x.size(2))
    out = torch.empty_like(x)
    for batch, rows in hl.tile([x.size(0), x.size(1)]):
        acc = hl.zeros([batch, rows, size], dtype=torch.float32)
        own = x[batch, rows, :]
        for columns in hl.tile(y.size(1)):
            products = torch.bmm(own, y[batch, columns, :].transpose(1, 2))
            acc = torch.baddbmm(acc, torch.exp(products).to(z.dtype), z[batch, columns, :])
        out[batch, rows, :] = acc.to(out.dtype)
    return out


@pytest.mark.parametrize(
    ("batches", "warps", "fits"), [(2, 2, False), (4, 2, False), (2, 4, True), (1, 2, True)]
)
def test_nor_are_operands_of_a_warp_for_each_matrix(batches: int, warps: int, fits: bool) -> None:
    arguments = tuple(torch.empty(8, 64, 16) for _ in range(3))
    blocks = [batches, 32, 32]
    check(weighed_batches, arguments, fits, block_sizes=blocks, num_warps=warps, num_stages=4)


def check(kernel: Any, arguments: tuple[torch.Tensor, ...], fits: bool, **keys: Any) -> None:
    """What fits compiles, and what does not is refused."""
    target = parse_target("gfx942")
    bound, config = BuildRequest(kernel, arguments).bind(target), helion.Config(**keys)
    if fits:
        assert bound.build(config, target).image.binary
    else:
        with pytest.raises(InvalidConfig, match=REASON):
            bound.lower(config)
