"""Atomics through tensor descriptors, and block pointers, which are not offered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion
import helion.language as hl
from helion.exc import InvalidConfig

if TYPE_CHECKING:
    from types import ModuleType

DESCRIPTOR = {"block_sizes": [8, 16], "atomic_indexing": "tensor_descriptor"}


def change(out: torch.Tensor, x: torch.Tensor, kind: hl.constexpr) -> torch.Tensor:
    for tile in hl.tile(x.size()):
        if kind == "add":
            hl.atomic_add(out, tile, x[tile])
        elif kind == "min":
            hl.atomic_min(out, tile, x[tile])
        elif kind == "max":
            hl.atomic_max(out, tile, x[tile])
        elif kind == "and":
            hl.atomic_and(out, tile, x[tile])
        elif kind == "or":
            hl.atomic_or(out, tile, x[tile])
        else:
            hl.atomic_xor(out, tile, x[tile])
    return out


EXPECTED = {
    "add": torch.add,
    "min": torch.minimum,
    "max": torch.maximum,
    "and": torch.bitwise_and,
    "or": torch.bitwise_or,
    "xor": torch.bitwise_xor,
}


def _why(bound: Any) -> str:
    (site,) = bound.config_spec.sites["atomic_indexing"]
    assert site.parameter is None
    with pytest.raises(InvalidConfig):
        bound.to_triton_code(helion.Config(atomic_indexing=["tensor_descriptor"]))
    return str(site.reason)


@pytest.mark.parametrize("kind", EXPECTED)
def test_every_kind_of_integers(kind: str) -> None:
    x, out = (torch.randint(-99, 99, (21, 36), dtype=torch.int32) for _ in range(2))
    bound = helion.kernel()(change).bind((out, x, kind))
    config = helion.Config(**DESCRIPTOR)
    assert f"out_descriptor.atomic_{kind}(" in bound.to_triton_code(config)
    expected = EXPECTED[kind](out, x)
    torch.testing.assert_close(bound.compile_config(config)(out.clone(), x, kind), expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_sums_of_floats(dtype: torch.dtype) -> None:
    x, out = (torch.randn(21, 40).to(dtype) for _ in range(2))
    bound = helion.kernel()(change).bind((out, x, "add"))
    run = bound.compile_config(helion.Config(**DESCRIPTOR))
    torch.testing.assert_close(run(out.clone(), x, "add"), out + x)
    assert "atomic max of" in _why(helion.kernel()(change).bind((out, x, "max")))


@helion.kernel()
def earlier(out: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    before = torch.empty_like(x)
    for tile in hl.tile(x.size()):
        before[tile] = hl.atomic_add(out, tile, x[tile])
    return before


@helion.kernel()
def ordered(out: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    for tile in hl.tile(x.size()):
        hl.atomic_add(out, tile, x[tile], sem="release")
    return out


@helion.kernel()
def exchanged(out: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    for tile in hl.tile(x.size()):
        hl.atomic_xchg(out, tile, x[tile])
    return out


def test_what_descriptors_cannot_do() -> None:
    x, out = torch.randn(21, 36), torch.randn(21, 36)
    assert "what was there before" in _why(earlier.bind((out, x)))
    assert "asks for release" in _why(ordered.bind((out, x)))
    assert "no atomic xchg" in _why(exchanged.bind((out, x)))
    narrow = torch.randn(21, 35), torch.randn(21, 35)
    assert "multiple of 16 bytes" in _why(helion.kernel()(change).bind((*narrow, "add")))


def test_kernels_without_atomics(golden_sources: ModuleType) -> None:
    bound = golden_sources.SOURCES["matmul_flat_exact"].bind()
    bound.to_triton_code(helion.Config(atomic_indexing="pointer"))
    with pytest.raises(InvalidConfig, match="the kernel has no atomics"):
        bound.to_triton_code(helion.Config(atomic_indexing="tensor_descriptor"))


@pytest.mark.parametrize("indexing", ["block_ptr", ["block_ptr", "pointer", "pointer"]], ids=str)
def test_block_pointers_are_refused_with_the_reason(
    indexing: Any, golden_sources: ModuleType
) -> None:
    bound = golden_sources.SOURCES["matmul_flat_exact"].bind()
    with pytest.raises(InvalidConfig, match="Triton turns block pointers into plain ones"):
        bound.to_triton_code(helion.Config(indexing=indexing))
