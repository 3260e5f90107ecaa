"""What the model says of kernels of the gallery, beside what an H200 took, and what they therefore run with untuned.

Times are of ``python -m benchmarks.gallery_defaults`` (torch 2.11, Triton 3.6, bfloat16). No GPU is needed.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion
from benchmarks.defaults_on_sweeps import space_of
from benchmarks.gallery_defaults.sizes import SIZES
from benchmarks.suite.cases import named
from gallery.case import Maker, load
from gallery.every_case import CASES
from helion_compiler.model.devices import facts_of

if TYPE_CHECKING:
    from helion_compiler.space.config_space import ConfigSpace

FACTOR = 2.0
MEASURED: list[tuple[str, dict[str, Any], float]] = [
    ("concatenate", {"block_sizes": [1, 2048], "num_warps": 4}, 263.0),
    ("concatenate", {"block_sizes": [32, 32], "num_warps": 4}, 75.2),
    ("segment_sum", {"block_sizes": [2048, 1], "num_warps": 4}, 1501.5),
    ("segment_sum", {"block_sizes": [32, 32], "num_warps": 4}, 149.8),
    ("causal_conv1d", {"block_sizes": [1, 2048, 1], "num_warps": 4}, 1092.5),
    ("causal_conv1d", {"block_sizes": [2, 4096, 1], "num_warps": 8}, 577.7),
    ("gated_delta_states", {"block_sizes": [64], "num_warps": 1, "num_stages": 8}, 294.5),
    ("gated_delta_states", {"block_sizes": [64], "num_warps": 4, "num_stages": 4}, 92.5),
    ("batch_softmax", {"block_sizes": [1, 64], "reduction_loops": [64], "num_warps": 4}, 270.9),
    ("batch_softmax", {"block_sizes": [1, 16], "num_warps": 4}, 98.5),
    ("welford_layer_norm", {"block_sizes": [32, 512, 1024], "num_warps": 8}, 153.6),
    ("welford_layer_norm", {"block_sizes": [32, 512, 512], "num_warps": 8}, 132.8),
]
"""A case, a config, and the microseconds it took; the slower of a case first."""


FORMED: list[tuple[str, dict[str, Any], float]] = [
    ("mxfp8_gemm", {"block_sizes": [256, 128, 2], "num_warps": 16, "num_stages": 4}, 981.7),
    ("mxfp8_gemm", {"block_sizes": [128, 256, 2], "num_warps": 8, "num_stages": 4}, 609.4),
    ("mixed_gemm", {"block_sizes": [128, 256, 64], "num_warps": 8, "num_stages": 4}, 388.1),
    ("mixed_gemm", {"block_sizes": [128, 128, 32], "num_warps": 4, "num_stages": 4}, 319.2),
]
"""The same of products whose factors are computed in their loop."""

ROUNDED: list[tuple[dict[str, Any], float]] = [
    ({"block_sizes": [8, 16, 128, 64], "num_warps": 4, "num_stages": 3}, 163.2),
    ({"block_sizes": [8, 16, 256, 64], "num_warps": 8, "num_stages": 4}, 129.2),
    ({"block_sizes": [8, 16, 64, 64], "num_warps": 8, "num_stages": 4}, 115.9),
]
"""Configs of broadcast_matmul, whose products are rounded before they are added up; the slowest first."""


class Empty(Maker):
    """Makes tensors of which only the metadata is asked for."""

    def randn(self, *shape: int, dtype: torch.dtype | None = None) -> torch.Tensor:
        """Not even drawn."""
        return torch.empty(shape, dtype=dtype or self.dtype)

    rand = randn

    def integers(
        self,
        low: int,  # any will do
        high: int,  # as above
        *shape: int,
        dtype: torch.dtype = torch.int64,
    ) -> torch.Tensor:
        """All alike."""
        return torch.zeros(shape, dtype=dtype)


@cache
def space(name: str, *sizes: int) -> ConfigSpace:
    """That of a case; of other sizes than those it is timed with, where they are given."""
    (case,) = (case for case in CASES if str(case) == name)
    kernel: Any = getattr(load(case.example), case.function)
    found: ConfigSpace = kernel.bind(
        case.arguments(Empty(torch.bfloat16, "cpu"), *(sizes or SIZES[name]))
    ).config_spec
    return found


def estimate(of: ConfigSpace, config: helion.Config) -> float:
    assert of.model is not None
    return of.model.seconds(of.point(config)) * 1e6


@pytest.mark.parametrize(("name", "keys", "microseconds"), [*MEASURED, *FORMED])
def test_estimates_are_of_the_measured_size(
    name: str, keys: dict[str, Any], microseconds: float
) -> None:
    found = estimate(space(name), helion.Config(**keys))
    assert microseconds / FACTOR < found < microseconds * FACTOR


@pytest.mark.parametrize("name", sorted({name for name, _, _ in MEASURED}))
def test_the_faster_one_is_estimated_so_and_the_default_is_no_slower(name: str) -> None:
    slow, fast = (
        estimate(space(name), helion.Config(**keys)) for of, keys, _ in MEASURED if of == name
    )
    assert fast < 0.8 * slow
    assert estimate(space(name), space(name).default_config()) <= fast


def test_turns_of_a_chain_take_instructions_however_few_lanes_they_have() -> None:
    """Of 242 instructions of a warp in a turn, 165 are not of lanes; four programs shared a multiprocessor."""
    of = space("gated_delta_states")
    few = helion.Config(block_sizes=[16], num_warps=4, num_stages=8)
    assert 149.1 / 1.25 < estimate(of, few) < 149.1 * 1.25
    assert of.default_config()["block_sizes"][0] > 16


def test_vectors_that_are_repeated_along_a_tile_wait_with_what_is_held_of_it() -> None:
    """Threads took 202 registers where 128 lanes each waited for a weight, and 110 where 64 did."""
    of = space("welford_layer_norm")
    model: Any = of.model
    for columns, counted in {1024: 202, 512: 110}.items():
        keys = {"block_sizes": [32, 128, columns], "num_warps": 8}
        (registers,) = model.registers(of.point(helion.Config(**keys)))
        assert counted / 1.4 < registers < counted * 1.4


def test_tiles_are_as_wide_as_a_sector_along_every_tensor() -> None:
    """One factor lies along rows, the other along columns."""
    assert min(space("concatenate").default_config()["block_sizes"]) * 2 >= 32


def test_what_is_read_again_for_every_index_is_read_for_several_at_once() -> None:
    """A program that has one position of a sequence reads the weights of all channels for it."""
    assert space("causal_conv1d").default_config()["block_sizes"][2] > 1


def test_the_bytes_that_are_moved_say_which_dimension_is_wide() -> None:
    """Two lists of segments, and one tensor with features beside each other."""
    rows, features = space("segment_sum").default_config()["block_sizes"]
    assert features > rows


@pytest.mark.parametrize("name", ["add-8192x8192", "exp-8192x8192", "swiglu-8192x8192"])
def test_tiles_that_leave_nothing_to_gain_keep_to_the_rule(name: str) -> None:
    of = space_of(named(name))
    default = of.point(of.default_config())
    assert default["num_warps"] == 4
    assert [default[key] for key in default if key.startswith("block_sizes[")] == [1, 2048]
    assert of.model is not None
    assert 0.9 * of.model.seconds(default) <= of.model.least(default)


def test_items_that_are_masked_lane_by_lane_have_few_lanes_a_thread() -> None:
    """ptxas takes 80, 64, 47 and 32 registers; places of tiles of two sizes are held twice."""
    of = space_of(named("jagged_dense_add-2048x8192"))
    taken = {
        (64, 96): {"block_sizes": [1024, 2048], "num_warps": 4},
        (51, 77): {"block_sizes": [2048, 2048], "num_warps": 4},
        (37, 57): {"block_sizes": [2048, 2048], "num_warps": 8},
        (25, 39): {"block_sizes": [2048, 2048], "num_warps": 16},
    }
    model: Any = of.model
    for (least, most), keys in taken.items():
        (registers,) = model.registers(of.point(helion.Config(**keys)))
        assert least <= registers <= most, keys
    default = of.point(of.default_config())
    blocks = [default[key] for key in default if key.startswith("block_sizes[")]
    assert max(blocks) <= 8 * 32 * default["num_warps"]


def test_groups_of_lanes_that_threads_share_take_registers_of_each() -> None:
    """ptxas takes 206, 123 and 127 for rows that lie across memory; they ran 251, 187 and 167 µs."""
    of = space("softmax_decomposed")
    taken = {
        (165, 247): {"block_sizes": [32], "reduction_loops": [512], "num_warps": 8},
        (98, 148): {"block_sizes": [16], "reduction_loops": [512], "num_warps": 8},
        (102, 152): {"block_sizes": [32], "reduction_loops": [512], "num_warps": 16},
    }
    model: Any = of.model
    for (least, most), keys in taken.items():
        (registers,) = model.registers(of.point(helion.Config(**keys)))
        assert least <= registers <= most, keys
    slow, *fast = (estimate(of, helion.Config(**keys)) for keys in taken.values())
    assert max(fast) < 0.85 * slow
    assert estimate(of, of.default_config()) <= min(fast)


@pytest.mark.parametrize("name", sorted({name for name, _, _ in FORMED}))
def test_products_wait_for_factors_that_are_computed(name: str) -> None:
    of = space(name)
    slow, fast = (estimate(of, helion.Config(**keys)) for case, keys, _ in FORMED if case == name)
    assert fast < slow
    assert estimate(of, of.default_config()) <= fast


def test_products_that_are_rounded_take_registers_beside_what_they_are_added_to() -> None:
    """ptxas has 255 registers and spills in the first two; estimates are in the order of the times, and near them."""
    of = space("broadcast_matmul")
    estimates = [estimate(of, helion.Config(**keys)) for keys, _ in ROUNDED]
    for found, (_, microseconds) in zip(estimates, ROUNDED, strict=True):
        assert microseconds / 1.2 < found < microseconds * 1.2
    assert estimates == sorted(estimates, reverse=True)
    assert estimate(of, of.default_config()) < 0.9 * estimates[-1]


def test_factors_that_are_computed_across_threads_are_held_whole() -> None:
    """ptxas takes 167, 239 and 255 registers; of the last it has 128 and spills. One program ran of each, not two."""
    of = space("mxfp8_gemm")
    model: Any = of.model
    taken = {
        (134, 200): {"block_sizes": [128, 128, 2], "num_warps": 8, "num_stages": 3},
        (170, 255): {"block_sizes": [128, 256, 1], "num_warps": 8, "num_stages": 4},
        (204, 255): {"block_sizes": [128, 256, 2], "num_warps": 8, "num_stages": 4},
        (129, 160): {"block_sizes": [256, 128, 2], "num_warps": 16, "num_stages": 4},
    }
    for (least, most), keys in taken.items():
        (registers,) = model.registers(of.point(helion.Config(**keys)))
        assert least <= registers <= most, keys
    slow, _, fast, _ = (estimate(of, helion.Config(**keys)) for keys in taken.values())
    assert fast < 0.8 * slow  # 609.4 and 929.7 µs
    assert 929.7 / 1.2 < slow < 929.7 * 1.2
    assert 609.4 / 1.2 < fast < 609.4 * 1.2


def test_few_lanes_wait_for_each_other_where_data_ends_a_loop() -> None:
    """Of 65536 numbers 64 in a warp took 15.6 µs, 1024 in four warps 26.7 and 34.2, and 2048 49.1 and 60.4."""
    of = space("searchsorted")
    assert of.model is None
    assert of.default_config()["block_sizes"] == (64,)
    assert of.default_config()["num_warps"] == 1


def test_lanes_that_are_sorted_are_held_with_their_partners() -> None:
    """ptxas takes 163 registers in two warps, which took 137.4 µs, and 72 in four, which took 104.4."""
    of = space("topk_gating")
    two, four = (estimate(of, helion.Config(block_sizes=[16], num_warps=warps)) for warps in (2, 4))
    assert 137.4 / FACTOR < two < 137.4 * FACTOR
    assert four < 0.95 * two
    assert of.default_config()["num_warps"] == 4


def test_small_products_of_computed_factors_have_few_warps() -> None:
    """Four warps took 104.4 µs, eight 120.5: each thread has addresses of its own, and warps wait for each other."""
    of = space_of(named("int4_gemm-1024x4096x4096"))
    keys: dict[str, Any] = {"block_sizes": [32, 128, 128], "num_stages": 4}
    four, eight = (estimate(of, helion.Config(**keys, num_warps=warps)) for warps in (4, 8))
    assert four < eight


def test_computed_factors_are_not_passed_through_shared_memory_where_operands_are_swapped() -> None:
    """104.4 µs as written, and 63.6 with the same tiles by hand; of 16 rows, 63.6 tuned, and 29.6 by hand."""
    for rows, tile in (("1024x4096x4096", [32, 128, 128]), ("16x8192x8192", [128, 16, 64])):
        of = space_of(named(f"int4_gemm-{rows}"))
        keys: dict[str, Any] = {"block_sizes": tile, "num_stages": 4, "num_warps": 4}
        straight, swapped = (
            estimate(of, helion.Config(**keys, swap_operands=[swaps])) for swaps in (False, True)
        )
        assert swapped < 0.8 * straight
        default = of.default_config()
        assert default["swap_operands"] == (True,)
        assert estimate(of, default) <= swapped


def test_warps_are_kept_in_step_by_factors_that_pass_through_shared_memory() -> None:
    """Values of float8 are turned for the second product; a program alone multiplies or computes, never both."""
    of = space("fp8_attention")
    taken = {
        192.7: {"block_sizes": [128, 128], "num_warps": 4},
        224.1: {"block_sizes": [256, 128], "num_warps": 16},
        298.2: {"block_sizes": [256, 64], "num_warps": 16},
    }
    found = [
        estimate(of, helion.Config(**keys, l2_groupings=[8], num_stages=4))
        for keys in taken.values()
    ]
    assert found == sorted(found)
    assert found == pytest.approx(list(taken), rel=0.35)
    assert estimate(of, of.default_config()) <= found[0]


def test_matrices_that_few_tiles_read_are_not_in_the_nearest_cache() -> None:
    """Of eight matrices, 64 are chosen: each is read by a few of many thousand tiles, on whatever multiprocessor."""
    of = space("gather_gemv", 8, 64, 4096, 4096)
    assert of.model is not None
    moved = of.model.terms(of.point(helion.Config(block_sizes=[2, 1, 2048], num_warps=1)))
    least = 8 * 4096 * 4096 * 2 / facts_of(90).bandwidth
    assert moved["memory"] >= least * 0.99
    assert moved["cache"] > 2 * least
