"""Products with their operands swapped: which may be, that they compute the same, and what Triton makes of them."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch

import helion
import helion.language as hl
from helion.exc import InvalidConfig
from helion_compiler.building import parse_target
from helion_compiler.building.binary import recipe_of, request_of
from helion_compiler.building.specialization import specialize
from helion_compiler.bundling import BuildRequest
from helion_compiler.emission import products
from helion_compiler.scheduling.sums_of_products import sums_of_products
from helion_compiler.scheduling.swap_operands import swappable
from helion_runtime.recompiling.worker import compile_request

SWAPPED = {"swap_operands": [True], "num_warps": 4, "num_stages": 3}


@helion.kernel()
def of_bytes(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    m, k = x.size()
    _, n = y.size()
    out = torch.empty([m, n], dtype=torch.float32, device=x.device)
    for tile_m, tile_n in hl.tile([m, n]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(k):
            acc = hl.dot(x[tile_m, tile_k], y[tile_k, tile_n].to(x.dtype) * 0.5, acc=acc)
        out[tile_m, tile_n] = acc * 2.0
    return out


@helion.kernel()
def of_two_sums(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Two sums of a loop: one of two products a turn, and one that the turn computes with."""
    m, k = x.size()
    _, n = y.size()
    out = torch.empty([m, n], dtype=torch.float32, device=x.device)
    other = torch.empty_like(out)
    for tile_m, tile_n in hl.tile([m, n]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32) + 1.0
        scaled = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(k):
            left = x[tile_m, tile_k]
            right = y[tile_k, tile_n].to(x.dtype)
            acc = hl.dot(left, right, acc=acc)
            acc = hl.dot(left, right + right, acc=acc)
            scaled = hl.dot(left, right, acc=scaled * 0.5)
        out[tile_m, tile_n] = acc
        other[tile_m, tile_n] = scaled
    return out, other


@helion.kernel()
def of_batches(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    b, m, k = x.size()
    _, _, n = y.size()
    out = torch.empty([b, m, n], dtype=torch.float32, device=x.device)
    for tile_b, tile_m, tile_n in hl.tile([b, m, n]):
        acc = hl.zeros([tile_b, tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(k):
            acc = torch.baddbmm(
                acc, x[tile_b, tile_m, tile_k], y[tile_b, tile_k, tile_n].to(x.dtype)
            )
        out[tile_b, tile_m, tile_n] = acc
    return out


def _operands(
    *batch: int, m: int = 70, k: int = 130, n: int = 90
) -> tuple[torch.Tensor, torch.Tensor]:
    """Whole numbers, whose sums are exact."""
    x = torch.randint(-4, 5, (*batch, m, k)).to(torch.bfloat16)
    return x, torch.randint(-128, 128, (*batch, k, n), dtype=torch.int8)


@pytest.mark.parametrize("rows", [16, 64])
@pytest.mark.parametrize("sizes", [(70, 130, 90), (1, 64, 64), (65, 97, 1)])
def test_swapped_products_are_the_same(rows: int, sizes: tuple[int, int, int]) -> None:
    x, y = _operands(m=sizes[0], k=sizes[1], n=sizes[2])
    config = helion.Config(block_sizes=[rows, 64, 32], **SWAPPED)
    bound = of_bytes.bind((x, y))
    if sizes[1] > 32:
        assert "tl.permute" in bound.to_triton_code(config)
    torch.testing.assert_close(bound.compile_config(config)(x, y), x.float() @ y.float())


def test_sums_of_several_products_are_swapped_and_others_left_alone() -> None:
    x, y = _operands()
    bound = of_two_sums.bind((x, y))
    (loop,) = bound._implementation.specialized.program.loops()
    assert [len(one.products) for one in swappable(loop)] == [2]
    assert [one.products for one in sums_of_products(loop)] == [
        one.products for one in swappable(loop)
    ]
    config = helion.Config(block_sizes=[32, 64, 32], **SWAPPED)
    source = bound.to_triton_code(config)
    assert len(re.findall(r"awaited\(tl\.dot", source)) == 2
    assert source.count("tl.dot(") == 3
    out, other = bound.compile_config(config)(x, y)
    whole, expected = torch.ones(70, 90), torch.zeros(70, 90)
    for begin in range(0, 130, 32):
        product = x[:, begin : begin + 32].float() @ y[begin : begin + 32].float()
        whole, expected = whole + 3 * product, expected * 0.5 + product
    torch.testing.assert_close(out, whole)
    torch.testing.assert_close(other, expected)


@pytest.mark.parametrize("items", [1, 2])
def test_batches(items: int) -> None:
    x, y = _operands(3)
    bound = of_batches.bind((x, y))
    config = helion.Config(block_sizes=[items, 32, 64, 32], **SWAPPED)
    torch.testing.assert_close(bound.compile_config(config)(x, y), x.float() @ y.float())


@pytest.mark.parametrize(
    "change",
    [
        {"num_warps": 2},
        {"num_warps": 8},
        {"block_sizes": [64, 32, 32]},
        {"num_stages": 1},
        {"range_num_stages": [0, 1]},
        {"static_ranges": [True]},
        {"block_sizes": [64, 64, 256]},
    ],
)
def test_what_was_not_measured_is_refused(change: dict[str, Any]) -> None:
    bound = of_bytes.bind(_operands())
    base: dict[str, Any] = {"block_sizes": [64, 64, 32], **SWAPPED}
    assert "tl.permute" in bound.to_triton_code(helion.Config(**base))
    with pytest.raises(InvalidConfig, match="with swapped operands are those of groups of 4 warps"):
        bound.to_triton_code(helion.Config(**base | change))
    bound.to_triton_code(helion.Config(**base | {"swap_operands": [False]} | change))


@pytest.mark.parametrize("target", ["sm_80", "sm_100", "gfx942"])
def test_only_hopper_has_it(target: str) -> None:
    bound = BuildRequest(of_bytes, _operands()).bind(parse_target(target))
    (site,) = bound.space.sites["swap_operands"]
    assert site.parameter is None
    assert "Hopper" in site.reason
    assert "awaited" not in bound.lower(bound.space.default_config()).emitted.source


def test_only_products_of_what_is_loaded_by_what_is_computed() -> None:
    @helion.kernel()
    def as_loaded(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        out = torch.empty([x.size(0), y.size(1)], device=x.device)
        for tile_m, tile_n in hl.tile(out.size()):
            acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
            for tile_k in hl.tile(x.size(1)):
                acc = hl.dot(x[tile_m, tile_k], y[tile_k, tile_n], acc=acc)
            out[tile_m, tile_n] = acc
        return out

    half = torch.empty(64, 64, dtype=torch.float16)
    (site,) = as_loaded.bind((half, half)).config_spec.sites["swap_operands"]
    assert site.parameter is None
    assert "right ones are computed" in site.reason
    apart = torch.empty(64, 128, dtype=torch.float16)[:, ::2]
    (site,) = of_bytes.bind((apart, half.to(torch.int8))).config_spec.sites["swap_operands"]
    assert "apart in memory" in site.reason
    wide = torch.empty(64, 64)
    (site,) = of_bytes.bind((wide, wide.to(torch.int8))).config_spec.sites["swap_operands"]
    assert "two bytes" in site.reason


def test_the_default_swaps_them() -> None:
    arguments = _operands(m=1024, k=4096, n=4096)
    config = of_bytes.bind(arguments).config_spec.default_config()
    assert dict(config)["swap_operands"] == (True,)


def test_turns_wait_for_products_that_read_registers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A turn puts nothing into shared memory itself, multiplies by what it has in registers, and waits for that; what
    makes it wait is the reason, as long as Triton does not wait by itself.
    """
    x, y = _operands(m=256, k=256, n=256)
    described = {"x@load": "tensor_descriptor", "y@load": "tensor_descriptor"}
    config = helion.Config(block_sizes=[128, 128, 64], indexing=described, **SWAPPED)
    bound = of_bytes.bind((x, y))._implementation.specialized
    loop = _loop_of(bound, config)
    assert "local_alloc" not in loop
    assert "local_store" not in loop
    assert re.search(r"warp_group_dot %[^\n]*: tensor<", loop)
    assert re.findall(r"pendings = (\d)", loop) == ["0"]
    monkeypatch.setattr(products, "AWAITED", "{}")
    other = helion.Config(**{**dict(config), "num_stages": 4})  # what has been lowered is kept
    overtaken = _loop_of(bound, other)
    assert max(re.findall(r"pendings = (\d)", overtaken)) > "0"


def _loop_of(bound: Any, config: helion.Config) -> str:
    """The loop of what Triton makes for a Hopper GPU before LLVM has it."""
    target, lowered = parse_target("sm_90"), bound.lower(config)
    known = specialize(bound.program, lowered.emitted, bound.aligned)
    recipe = recipe_of(lowered.emitted, lowered.schedule, known, target)
    request = request_of(lowered.emitted, recipe, target)
    text = compile_request(request | {"binary": "ttgir"})["binary"].decode()
    return str(text[text.index("scf.for") : text.index("scf.yield")])
