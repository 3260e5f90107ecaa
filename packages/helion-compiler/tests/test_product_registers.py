"""Products that have fewer registers than an instruction takes are refused, and nothing near them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion
from helion.exc import InvalidConfig
from helion_compiler.building import parse_target
from helion_compiler.bundling import BuildRequest

if TYPE_CHECKING:
    from types import ModuleType

REASON = "a product's instruction sums 64 rows of up to 256 columns in registers of four warps"


@pytest.mark.parametrize(
    ("blocks", "warps", "fits"),
    [
        ([256, 256, 64], 16, False),
        ([256, 256, 16], 32, False),
        ([512, 128, 16], 32, False),
        ([512, 128, 16], 16, True),
        ([128, 256, 16], 16, True),
        ([256, 128, 16], 32, True),
    ],
)
def test_an_instruction_has_the_registers_of_its_warps(
    golden_sources: ModuleType, blocks: list[int], warps: int, fits: bool
) -> None:
    """What is not refused compiles."""
    square = torch.empty(4096, 4096, dtype=torch.bfloat16)
    target = parse_target("sm_90")
    bound = BuildRequest(helion.kernel()(golden_sources.matmul), (square, square)).bind(target)
    config = helion.Config(block_sizes=blocks, num_warps=warps, num_stages=2)
    if fits:
        assert bound.build(config, target).image.binary
    else:
        with pytest.raises(InvalidConfig, match=REASON):
            bound.lower(config)


@pytest.mark.parametrize("name", ["sm_80", "sm_100"])
def test_other_gpus_have_no_such_products(golden_sources: ModuleType, name: str) -> None:
    square = torch.empty(4096, 4096, dtype=torch.bfloat16)
    target = parse_target(name)
    bound = BuildRequest(helion.kernel()(golden_sources.matmul), (square, square)).bind(target)
    bound.lower(helion.Config(block_sizes=[256, 256, 64], num_warps=16))


@pytest.mark.parametrize(("warps", "fits"), [(4, False), (8, True)])
def test_products_have_room_for_their_accumulators(
    golden_sources: ModuleType, warps: int, fits: bool
) -> None:
    """64 by 256 takes 128 registers of each of 128 threads: ptxas refuses no more than 128."""
    square = torch.empty(4096, 4096, dtype=torch.bfloat16)
    spec = helion.kernel()(golden_sources.matmul).bind((square, square)).config_spec
    keys: dict[str, Any] = {"pid_type": "persistent_interleaved", "block_sizes": [64, 256, 32]}
    config = helion.Config(**keys, num_warps=warps, maxnreg=128)
    if fits:
        assert spec.point(config)["maxnreg"] == 128
        return
    with pytest.raises(InvalidConfig, match="a product needs its accumulator's registers"):
        spec.point(config)
