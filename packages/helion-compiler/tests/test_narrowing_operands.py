"""Products that follow products with wider operands are refused where neither is pipelined, and others are not."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch

import helion
import helion.language as hl
from helion.backends import KernelDefinition
from helion.exc import InvalidConfig
from helion_compiler.building import parse_target
from helion_compiler.compiled_kernel import CompiledKernel

REFUSED = "have wider rows in shared memory"


@helion.kernel()
def chained(x: torch.Tensor, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """``relu(x @ a) @ b``, each along tiles of the columns of ``x``."""
    rows, n = x.size()
    k = hl.specialize(a.size(1))
    out = torch.empty([rows, b.size(1)], dtype=torch.float32, device=x.device)
    for tile_m in hl.tile(rows):
        acc = hl.zeros([tile_m, k], dtype=torch.float32)
        for tile_n in hl.tile(n):
            acc = torch.addmm(acc, x[tile_m, tile_n], a[tile_n, :])
        hidden = torch.relu(acc).to(x.dtype)
        for tile_p in hl.tile(b.size(1)):
            out[tile_m, tile_p] = hl.dot(hidden, b[:, tile_p])
    return out


@helion.kernel()
def side_by_side(
    x: torch.Tensor, y: torch.Tensor, u: torch.Tensor, v: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """``x @ y`` and ``u @ v``, outside of loops."""
    rows, _ = x.size()
    first = torch.empty([rows, y.size(1)], dtype=torch.float32, device=x.device)
    second = torch.empty([rows, v.size(1)], dtype=torch.float32, device=x.device)
    for tile in hl.tile(rows):
        first[tile, :] = x[tile, :] @ y[:, :]
        second[tile, :] = u[tile, :] @ v[:, :]
    return first, second


def _half(*shapes: tuple[int, int]) -> tuple[torch.Tensor, ...]:
    return tuple(torch.randn(shape).half() for shape in shapes)


def _chained(n: int = 256, k: int = 64) -> Any:
    return chained.bind(_half((256, n), (n, k), (k, n)))


def _answer(bound: Any, blocks: list[int], **more: Any) -> str:
    """Empty, or why a config is refused."""
    try:
        bound.to_triton_code(helion.Config(block_sizes=blocks, **{"num_warps": 4, **more}))
    except InvalidConfig as error:
        return " ".join(str(error).split())
    return ""


UNPIPELINED: list[dict[str, Any]] = [
    {"num_stages": 1},
    {"static_ranges": [True, True]},
    {"static_ranges": [True, False], "range_num_stages": [0, 0, 1]},
    {"static_ranges": [False, True], "range_num_stages": [0, 1, 0]},
    {"range_unroll_factors": [0, 3, 3]},
    {"range_unroll_factors": [0, 4, 0], "range_num_stages": [0, 0, 1]},
    {"pid_type": "persistent_blocked", "range_unroll_factors": [2, 0, 0], "num_stages": 3},
]


@pytest.mark.parametrize("unpipelined", UNPIPELINED)
def test_rows_may_not_get_narrower_from_loop_to_loop(unpipelined: dict[str, Any]) -> None:
    bound = _chained()
    assert REFUSED in _answer(bound, [64, 64, 32], **unpipelined)
    assert not _answer(bound, [64, 64, 64], **unpipelined)  # 128 bytes each
    assert not _answer(
        bound, [64, 64, 128], **unpipelined
    )  # descriptors tell no more than 128 apart
    assert not _answer(bound, [64, 64, 32])


@pytest.mark.parametrize("pipelined", [{}, {"range_unroll_factors": [0, 2, 2]}])
def test_pipelined_loops_may_have_any_rows(pipelined: dict[str, Any]) -> None:
    assert not _answer(_chained(), [64, 64, 32], num_stages=3, **pipelined)


def test_nor_is_what_no_warp_group_computes() -> None:
    bound = _chained()
    assert not _answer(bound, [64, 64, 32], num_stages=1, num_warps=2)
    assert not _answer(bound, [32, 64, 32], num_stages=1)


def test_loads_that_no_pipeline_takes_lie_at_constant_addresses() -> None:
    bound = _chained(129, 63)
    assert REFUSED in _answer(bound, [64, 64, 32], num_stages=3)
    assert not _answer(bound, [64, 64, 64], num_stages=3)


def test_products_outside_of_loops_are_not_pipelined() -> None:
    narrow = side_by_side.bind(_half((256, 64), (64, 64), (256, 64), (64, 32)))
    assert REFUSED in _answer(narrow, [64])
    assert not _answer(narrow, [64], num_warps=2)
    wide = side_by_side.bind(_half((256, 32), (32, 32), (256, 64), (64, 64)))
    assert not _answer(wide, [64])


def test_two_descriptors_are_right() -> None:
    """64 bytes along the sum are two instructions; a second tile of rows takes two more."""
    bound = side_by_side.bind(_half((256, 64), (64, 64), (256, 32), (32, 64)))
    assert not _answer(bound, [64])
    assert REFUSED in _answer(bound, [128])
    assert not _answer(bound, [128], num_warps=8)


def test_a_kernel_whose_rows_get_narrower_has_a_default() -> None:
    narrow = side_by_side.bind(_half((256, 64), (64, 64), (256, 64), (64, 32)))
    chosen = narrow.config_spec.default_config()
    assert "tl.dot" in narrow.to_triton_code(chosen)


@pytest.mark.parametrize(("target", "demands"), [("sm_80", 0), ("sm_90", 1), ("sm_100", 0)])
def test_only_hopper_has_warp_groups(target: str, demands: int) -> None:
    kernel = side_by_side
    definition = KernelDefinition(
        function=kernel.fn,
        name="side_by_side",
        signature=inspect.signature(kernel.fn),
        configs=(),
        settings=kernel.settings,
    )
    compiled = CompiledKernel(definition, parse_target(target).traits)
    arguments = _half((256, 64), (64, 64), (256, 64), (64, 32))
    names = [one.name for one in compiled.bind(arguments).specialized.space.demands]
    assert names.count("narrowing operands") == demands
