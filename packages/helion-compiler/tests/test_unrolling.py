"""How often unrolled loops hold their bodies: what Triton would compile for minutes is not searched."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import helion
import helion.language as hl


@helion.kernel
def nested(x: torch.Tensor) -> torch.Tensor:
    rows, depth, columns = x.size()
    out = torch.empty([rows], dtype=x.dtype, device=x.device)
    for tile in hl.tile(rows):
        acc = hl.zeros([tile], dtype=torch.float32)
        for deep in hl.tile(depth):
            for wide in hl.tile(columns):
                acc = acc + x[tile, deep, wide].sum(-1).sum(-1)
        out[tile] = acc
    return out


@pytest.mark.parametrize(
    ("config", "copies"),
    [
        ({}, 1),
        ({"range_unroll_factors": [0, 0, 4]}, 5),
        ({"range_unroll_factors": [0, 4, 4]}, 25),
        ({"range_unroll_factors": [4, 4, 0], "pid_type": "persistent_blocked"}, 25),
        ({"range_unroll_factors": [2, 2, 2], "pid_type": "persistent_blocked"}, 27),
        ({"range_unroll_factors": [2, 3, 2], "pid_type": "persistent_blocked"}, 36),
        ({"range_unroll_factors": [4, 4, 4], "pid_type": "persistent_blocked"}, 125),
        ({"range_unroll_factors": [0, 4, 0], "static_ranges": [False, True]}, 40),
    ],
)
def test_copies_of_the_innermost_body_are_few(config: dict[str, Any], copies: int) -> None:
    spec = nested.bind((torch.empty(64, 64, 64),)).config_spec
    blocks = {"block_sizes": [1, 8, 8], "num_warps": 4}
    point = spec.point(helion.Config(**blocks, **config))
    refused = {violation.name for violation in spec.space.check(point)}
    assert refused == ({"unrolling"} if copies > 32 else set())
