"""What the model takes operators for, beside the instructions that they become."""

from __future__ import annotations

import pytest
import torch

import helion
import helion.language as hl
from helion_compiler.bundling.request import BuildRequest
from helion_compiler.model.instructions import INSTRUCTIONS, instructions_of
from helion_compiler.program.ops import Pointwise


@helion.kernel()
def quotients(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size(0)):
        total = x[tile, :].sum(-1, keepdim=True)
        out[tile, :] = x[tile, :] / total + x[tile, :] / y[tile, :] + x[tile, :] / 3.0
    return out


@helion.kernel()
def powers(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    out = torch.empty_like(x)
    for tile in hl.tile(x.size()):
        out[tile] = x[tile] ** 2 + x[tile] ** 7 + x[tile] ** y[tile]
    return out


def counts(kernel: helion.Kernel, name: str) -> list[float]:
    args = torch.empty(64, 512), torch.empty(64, 512)
    program = BuildRequest(kernel, args).bind().program
    found = [op for op in program.walk() if isinstance(op, Pointwise)]
    return [instructions_of(op) for op in found if op.operator.overloadpacket.__name__ == name]


def test_what_a_division_takes_depends_on_the_divisor() -> None:
    assert counts(quotients, "div") == [3.0, 8.0, 1.0]
    assert counts(quotients, "add") == [1.0, 1.0]


def test_small_powers_are_products() -> None:
    assert counts(powers, "pow") == [pytest.approx(1.58, abs=0.01), 3.0, 60.0]


def test_only_operators_that_exist_are_listed() -> None:
    missing = [name for name in INSTRUCTIONS if not hasattr(torch.ops.aten, name)]
    assert not missing
