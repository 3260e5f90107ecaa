"""The program that measures what is near an untuned config, on a small kernel."""

from __future__ import annotations

import pytest
import torch

import helion
import helion.language as hl
from benchmarks.around_defaults import Call, measured

pytestmark = pytest.mark.gpu


@helion.kernel()
def doubled(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size()):
        out[tile] = x[tile] * 2
    return out


def test_every_neighbour_is_timed() -> None:
    call = Call("doubled", doubled, (torch.randn(512, 512, device="cuda"),))
    result = measured(call, ["num_warps", "loop_orders"], 1)
    assert result["default_ms"] > 0
    assert not result["failed"]
    found = {name for one in result["others"] for name in one["differs"]}
    assert "num_warps" in found
    assert found <= {"num_warps", "loop_orders[grid]"}
    assert all(one["ms"] > 0 for one in result["others"])
