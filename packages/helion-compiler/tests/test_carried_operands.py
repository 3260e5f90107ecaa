"""Flattened loops may not hand on in shared memory what later turns multiply by, and others are not refused."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion
import helion.language as hl
from helion.backends import KernelDefinition
from helion.exc import InvalidConfig
from helion_compiler.building import parse_target
from helion_compiler.compiled_kernel import CompiledKernel

if TYPE_CHECKING:
    from types import ModuleType

REFUSED = "may not be flattened"
PERSISTENT = "persistent_interleaved"


@helion.kernel()
def rows_kept(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """``x @ y``: rows of ``x`` are read once, and transposed where they are used."""
    out = torch.empty([x.size(1), y.size(1)], dtype=torch.float32, device=x.device)
    for tile_m in hl.tile(x.size(1)):
        rows = x[:, tile_m]
        for tile_n in hl.tile(y.size(1)):
            out[tile_m, tile_n] = hl.dot(rows.T, y[:, tile_n])
    return out


@helion.kernel()
def weights_kept(x: torch.Tensor, y: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """``sum(relu(x @ y) @ (w * 2))`` along tiles of positions: the right factor is computed before the loop."""
    out = torch.empty([x.size(0), *w.size()], dtype=torch.float32, device=x.device)
    rows, width = hl.specialize(w.size())
    for tile_b in hl.tile(x.size(0), block_size=1):
        weights = w[:, :] * 2
        acc = hl.zeros([tile_b, rows, width], dtype=torch.float32)
        for tile_k in hl.tile(x.size(2)):
            hidden = torch.relu(torch.bmm(x[tile_b, :, tile_k], y[tile_b, tile_k, :]))
            acc = acc + hl.dot(hidden.to(x.dtype), weights[None, :, :].expand(tile_b, rows, width))
        out[tile_b, :, :] = acc
    return out


@helion.kernel()
def below_the_diagonal(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """``x @ y``, of tiles below that of the diagonal alone."""
    out = torch.zeros([x.size(0), y.size(1)], dtype=torch.float32, device=x.device)
    for tile_m in hl.tile(x.size(0)):
        rows = x[tile_m, :]
        for tile_n in hl.tile(tile_m.begin):
            out[tile_m, tile_n] = hl.dot(rows, y[:, tile_n])
    return out


@helion.kernel()
def read_behind(x: torch.Tensor, y: torch.Tensor, w: torch.Tensor, early: bool) -> torch.Tensor:
    """``x @ y @ w``: ``w`` is read before or behind the loop of the first product."""
    out = torch.empty([x.size(0), w.size(1)], dtype=torch.float32, device=x.device)
    columns = hl.specialize(w.size(0))
    for tile_m in hl.tile(x.size(0)):
        acc = hl.zeros([tile_m, columns], dtype=torch.float32)
        if early:
            weights = w[:, :]
        for tile_k in hl.tile(x.size(1)):
            acc = torch.addmm(acc, x[tile_m, tile_k], y[tile_k, :])
        if not early:
            weights = w[:, :]
        out[tile_m, :] = hl.dot(acc.to(x.dtype), weights)
    return out


def _half(*shapes: tuple[int, ...]) -> tuple[torch.Tensor, ...]:
    return tuple(torch.randn(shape).half() for shape in shapes)


def _answer(bound: Any, blocks: list[int], **more: Any) -> str:
    """Empty, or why a config is refused."""
    given = {"num_warps": 4, "pid_type": PERSISTENT, "range_flattens": {"grid": True}, **more}
    try:
        bound.to_triton_code(helion.Config(block_sizes=blocks, **given))
    except InvalidConfig as error:
        return " ".join(str(error).split())
    return ""


@pytest.mark.parametrize("stages", [1, 2, 3])
def test_operands_that_an_inner_loop_reads_are_not_handed_on(stages: int) -> None:
    bound = rows_kept.bind(_half((64, 256), (64, 256)))
    assert REFUSED in _answer(bound, [64, 32], num_stages=stages)
    assert not _answer(bound, [64, 32], num_stages=stages, range_flattens={"grid": False})
    assert not _answer(bound, [64, 32], num_stages=stages, range_flattens={"grid": None})


def test_nor_are_attentions_queries(config_kernels: ModuleType) -> None:
    bound = config_kernels.CASES["attention"].bind()
    assert REFUSED in _answer(bound, [64, 16])
    assert not _answer(bound, [32, 16])


def test_nor_are_right_factors_that_are_computed() -> None:
    bound = weights_kept.bind(_half((3, 64, 128), (3, 128, 64), (64, 64)))
    assert REFUSED in _answer(bound, [32])
    assert not _answer(bound, [32], range_flattens={"grid": False})


def test_nor_is_what_a_product_behind_the_loop_reads() -> None:
    operands = _half((256, 128), (128, 64), (64, 64))
    assert REFUSED in _answer(read_behind.bind((*operands, True)), [64, 32])
    assert not _answer(read_behind.bind((*operands, False)), [64, 32])


def test_what_the_inner_loop_reads_itself_may_be_flattened(config_kernels: ModuleType) -> None:
    assert not _answer(config_kernels.CASES["matmul"].bind(), [64, 64, 32])


def test_so_may_loops_whose_bounds_differ_from_tile_to_tile() -> None:
    bound = below_the_diagonal.bind(_half((256, 64), (64, 256)))
    assert not _answer(bound, [64, 32])
    assert not _answer(bound, [128, 32])
    assert REFUSED in _answer(bound, [256, 32])  # one tile


def test_so_may_products_that_read_registers() -> None:
    bound = rows_kept.bind(_half((64, 256), (64, 256)))
    assert not _answer(bound, [32, 32])
    assert not _answer(bound, [64, 32], num_warps=2)


@pytest.mark.parametrize(
    ("target", "demands"), [("sm_80", 0), ("sm_90", 1), ("sm_100", 1), ("gfx942", 0)]
)
def test_only_what_multiplies_shared_memory_is_refused(target: str, demands: int) -> None:
    definition = KernelDefinition(
        function=rows_kept.fn,
        name="rows_kept",
        signature=inspect.signature(rows_kept.fn),
        configs=(),
        settings=rows_kept.settings,
    )
    compiled = CompiledKernel(definition, parse_target(target).traits)
    bound = compiled.bind(_half((64, 256), (64, 256)))
    names = [one.name for one in bound.specialized.space.demands]
    assert names.count("carried operands of grid") == demands
