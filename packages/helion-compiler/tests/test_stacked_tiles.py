"""Two tiles side by side: whatever their lanes, dtypes and the place of the new dimension."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import helion
import helion.language as hl
from helion_compiler.building import parse_target


@helion.kernel()
def between(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty([x.size(0), 2, x.size(1)], device=x.device)
    for rows, columns in hl.tile(x.size()):
        ones = hl.zeros([rows, columns], dtype=x.dtype) + 1
        out[rows, :, columns] = torch.stack([ones, x[rows, columns]], dim=1)
    return out


@helion.kernel()
def of_rows(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty([x.size(0), 2], device=x.device)
    for rows in hl.tile(x.size(0)):
        row = x[rows, :]
        out[rows, :] = torch.stack([row.sum(-1), row.amax(-1)], dim=-1)
    return out


@helion.kernel()
def of_bools(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty([x.size(0), x.size(1), 2], dtype=torch.bool, device=x.device)
    for rows, columns in hl.tile(x.size()):
        every = hl.full([rows, columns], value=True, dtype=torch.bool)
        out[rows, columns, :] = torch.stack([x[rows, columns] > 0, every], dim=2)
    return out


@helion.kernel()
def of_two_dtypes(x: torch.Tensor) -> torch.Tensor:
    out = torch.empty([2, x.size(0), x.size(1)], device=x.device)
    for rows, columns in hl.tile(x.size()):
        twos = hl.full([rows, columns], 2.0, dtype=torch.float32)
        out[:, rows, columns] = torch.stack([x[rows, columns].to(torch.bfloat16), twos])
    return out


X = torch.linspace(-3, 4, 35).view(5, 7)
EXPECTED: list[tuple[Any, torch.Tensor]] = [
    (between, torch.stack([torch.ones_like(X), X], 1)),
    (of_rows, torch.stack([X.sum(-1), X.amax(-1)], -1)),
    (of_bools, torch.stack([X > 0, torch.ones_like(X, dtype=torch.bool)], 2)),
    (of_two_dtypes, torch.stack([X.to(torch.bfloat16).float(), torch.full_like(X, 2.0)])),
]


@pytest.mark.parametrize(
    ("kernel", "expected"), EXPECTED, ids=lambda part: getattr(part, "name", "")
)
@pytest.mark.parametrize("lanes", [1, 4])
def test_two_tiles_are_stacked(kernel: Any, expected: torch.Tensor, lanes: int) -> None:
    bound = kernel.bind((X,))
    blocks = [lanes] * len(bound.config_spec.sites["block_sizes"])
    config = helion.Config(block_sizes=blocks)
    assert "tl.join" in bound.to_triton_code(config)
    torch.testing.assert_close(bound.compile_config(config)(X), expected)
    assert bound._implementation.specialized.build(config, parse_target("sm_90")).image.binary
