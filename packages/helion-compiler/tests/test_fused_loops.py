"""Loops that are flattened with the one over tiles have no turn where they end before they begin."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import torch

import helion
import helion.language as hl

if TYPE_CHECKING:
    from types import ModuleType


@helion.kernel(static_shapes=False)
def with_a_range(x: torch.Tensor, y: torch.Tensor, begin: int, end: int) -> torch.Tensor:
    """``x + sum(y[begin:end])``."""
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        acc = x[tile]
        for place in hl.grid(begin, end):
            acc = acc + y[place]
        out[tile] = acc
    return out


def _config(blocks: list[int], flatten: bool | None) -> helion.Config:
    kind = "persistent_interleaved"
    return helion.Config(block_sizes=blocks, pid_type=kind, range_flattens={"grid": flatten})


def _inner(bound: Any, config: helion.Config) -> str:
    """The bounds of the second loop."""
    _, found = re.findall(r"in tl\.range\((.*)\):", bound.to_triton_code(config))
    return str(found)


@pytest.mark.parametrize(("begin", "end"), [(3, 7), (7, 3), (5, 5), (7, -2)])
def test_the_end_is_nowhere_before_the_beginning(begin: int, end: int) -> None:
    x, y = torch.randn(40), torch.randn(10)
    bound = with_a_range.bind((x, y, begin, end))
    ends = end if end < 0 else "end"
    for flatten, bounds in ((True, f"begin, max(begin, {ends}), 1"), (None, f"begin, {ends}, 1")):
        bound.set_config(_config([16], flatten))
        added = y[begin:end].sum() if begin < end else 0
        torch.testing.assert_close(bound(x, y, begin, end), x + added)
        assert _inner(bound, _config([16], flatten)) == bounds


@pytest.mark.parametrize("static", [True, False])
def test_sizes_are_no_less_than_nothing(config_kernels: ModuleType, static: bool) -> None:
    bound = config_kernels.CASES["matmul"].bind(static=static)
    assert "max(" not in _inner(bound, _config([16, 16, 16], flatten=True))
