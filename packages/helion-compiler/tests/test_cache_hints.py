"""Eviction policies and cache modifiers: which accesses have them, and that they change no result."""

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
def shifted(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size()):
        out[tile] = hl.load(x, tile, eviction_policy="evict_last") + y[tile]
    return out


def _names(bound: Any, key: str) -> list[str]:
    return [name for name in bound.config_spec.space.parameters if name.startswith(f"{key}[")]


def test_the_authors_policy_stays() -> None:
    x = torch.randn(7, 33)
    bound = shifted.bind((x, x))
    assert _names(bound, "load_eviction_policies") == ["load_eviction_policies[y@load]"]
    assert _names(bound, "load_cache_modifiers") == ["load_cache_modifiers[y@load]"]
    excluded = {item.what: item.reason for item in bound.config_spec.excluded}
    assert excluded["load_eviction_policies[x@load]"] == "the kernel itself asks for evict_last"
    for policies in (["", "first"], ["first"], {"y@load": "first"}):
        config = helion.Config(block_sizes=[4, 32], load_eviction_policies=policies)
        source = bound.to_triton_code(config)
        assert source.count("='evict_last'") == source.count("='evict_first'") == 1
        assert source.index("='evict_last'") < source.index("='evict_first'")
        torch.testing.assert_close(bound.compile_config(config)(x, x), 2 * x)
    with pytest.raises(InvalidConfig, match="x@load must be ''"):
        bound.to_triton_code(helion.Config(load_eviction_policies=["first", ""]))


def test_descriptors_take_no_hints(golden_sources: ModuleType) -> None:
    bound = golden_sources.SOURCES["matmul_descriptors"].bind()
    hints = {"load_eviction_policies": ["first", "last"], "store_cache_modifiers": [".wt"]}
    plain = helion.Config(block_sizes=[128, 128, 64], indexing="tensor_descriptor")
    assert bound.to_triton_code(helion.Config(**plain, **hints)) == bound.to_triton_code(plain)
    mixed = helion.Config(
        block_sizes=[128, 128, 64], indexing=["pointer", "tensor_descriptor", "pointer"], **hints
    )
    source = bound.to_triton_code(mixed)
    assert "evict_first" in source
    assert "evict_last" not in source
    assert "'.wt'" in source


def test_a_load_has_a_policy_or_a_modifier(golden_sources: ModuleType) -> None:
    """PTX has no instruction with both."""
    source = golden_sources.SOURCES["matmul_flat_masked"]
    bound = source.bind()
    both = helion.Config(
        block_sizes=[64, 64, 32],
        load_eviction_policies=["first", "last"],
        load_cache_modifiers=[".cg", ".cg"],
    )
    assert "cache_modifier" not in bound.to_triton_code(both)
    specialized = bound._implementation.specialized
    for target in ("sm_80", "sm_90"):
        assert specialized.build(both, parse_target(target)).image.binary
