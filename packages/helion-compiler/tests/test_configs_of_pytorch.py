"""Configs as PyTorch's Helion writes them: taken where they mean the same, refused for a reason where they do not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion
from helion.exc import InvalidConfig

if TYPE_CHECKING:
    from types import ModuleType

MATMUL: dict[str, Any] = {
    "block_sizes": [32, 32, 16],
    "indexing": ["pointer", "tensor_descriptor", "pointer"],
    "l2_groupings": [4],
    "load_eviction_policies": ["first", "last"],
    "loop_orders": [[1, 0]],
    "num_stages": 3,
    "num_warps": 4,
    "num_sm_multiplier": 2,
    "maxnreg": 128,
    "pid_type": "persistent_blocked",
    "range_flattens": [None, None],
    "range_multi_buffers": [None, True],
    "range_num_stages": [0, 2],
    "range_unroll_factors": [0, 1],
    "range_warp_specializes": [None, None],
    "static_ranges": [False],
    "epilogue_subtile": None,
}
SOFTMAX: dict[str, Any] = {
    "block_sizes": [1],
    "indexing": ["pointer", "pointer"],
    "load_eviction_policies": ["last"],
    "num_stages": 1,
    "num_warps": 4,
    "pid_type": "flat",
    "range_flattens": [None],
    "range_multi_buffers": [None],
    "range_num_stages": [0],
    "range_unroll_factors": [0],
    "range_warp_specializes": [],
    "reduction_loops": [32],
    "loop_orders": [],
    "l2_groupings": [],
}
ADD: dict[str, Any] = {
    "block_sizes": [8, 64],
    "flatten_loops": [True],
    "loop_orders": [[0, 1]],
    "l2_groupings": [1],
    "indexing": "pointer",
    "load_cache_modifiers": ["", ".cg"],
    "store_cache_modifiers": [".cs"],
    "num_warps": 2,
    "num_stages": 1,
}


@pytest.mark.parametrize(
    ("name", "config", "told"),
    [
        ("matmul", MATMUL, ["y_descriptor", "evict_first", "num_stages=2", "first_row"]),
        ("softmax", SOFTMAX, ["roll_0", "evict_last"]),
        ("add", ADD, ["'.cg'", "'.cs'", "tile_tile_1_begin"]),
    ],
)
def test_taken(
    name: str, config: dict[str, Any], told: list[str], config_kernels: ModuleType
) -> None:
    case = config_kernels.CASES[name]
    bound, arguments = case.bind(), case.make()
    source = bound.to_triton_code(helion.Config(**config))
    assert [text for text in told if text not in source] == []
    torch.testing.assert_close(
        bound.compile_config(helion.Config(**config))(*arguments),
        case.expected(*arguments),
        rtol=1e-3,
        atol=1e-3,
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"indexing": "block_ptr"}, "plain ones"),
        ({"range_warp_specializes": [None, True]}, "not two matrix products"),
        ({"waves_per_eu": 2}, "it concerns AMD GPUs"),
        ({"range_flattens": [None, True]}, "no loop inside it"),
        ({"loop_orders": [[0, 1], [0, 1]]}, "in order: grid"),
        ({"atomic_indexing": ["tensor_descriptor"]}, "no atomics"),
        ({"static_ranges": [False, True]}, "in order: tile_k"),
    ],
)
def test_refused_for_a_reason(
    change: dict[str, Any], reason: str, config_kernels: ModuleType
) -> None:
    bound = config_kernels.CASES["matmul"].bind()
    with pytest.raises(InvalidConfig, match=reason):
        bound.to_triton_code(helion.Config(**{**MATMUL, **change}))


@pytest.mark.parametrize(
    "key", ["num_threads", "pallas_load_buffer_count", "advanced_controls_file"]
)
def test_keys_of_other_backends_are_unknown(key: str, config_kernels: ModuleType) -> None:
    bound = config_kernels.CASES["matmul"].bind()
    with pytest.raises(InvalidConfig, match=key):
        bound.to_triton_code(helion.Config(**{key: [2]}))


NAMED: dict[str, Any] = {
    "load_eviction_policies": {"y@load": "last"},
    "load_cache_modifiers": {"x@load": ".cg"},
    "store_cache_modifiers": {"out@store": ".wt"},
    "static_ranges": {"tile_k": True},
    "flatten_loops": {"grid": False},
    "indexing": {"out@store": "pointer"},
}


def test_entries_have_names(config_kernels: ModuleType) -> None:
    bound = config_kernels.CASES["matmul"].bind()
    named = helion.Config(block_sizes=[32, 32, 16], **NAMED)
    listed = helion.Config(
        block_sizes=[32, 32, 16],
        load_eviction_policies=["", "last"],
        load_cache_modifiers=[".cg", ""],
        store_cache_modifiers=[".wt"],
        static_ranges=[True],
    )
    assert bound.to_triton_code(named) == bound.to_triton_code(listed)
    assert helion.Config.from_json(named.to_json()) == named
    for key, value in NAMED.items():
        wrong = {f"{name}_of_another": entry for name, entry in value.items()}
        with pytest.raises(InvalidConfig, match="in order: "):
            bound.to_triton_code(helion.Config(**{key: wrong}))
