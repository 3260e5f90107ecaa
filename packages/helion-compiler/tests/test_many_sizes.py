"""Kernels of many tensors: a call has a hundred sizes, and none may cost more for those that it does not mention."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
import sympy
import torch

import helion
import helion.language as hl
from helion_compiler.program.expressions import with_numbers

if TYPE_CHECKING:
    from collections.abc import Callable


def python_calls(run: Callable[[], Any]) -> int:
    """How many functions ``run`` enters once what can be remembered is: what it costs, on any machine."""
    run()
    calls = 0

    def count(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        run()
    finally:
        sys.setprofile(None)
    return calls


def total(tensors: int) -> Any:
    """A specialization of a kernel that adds so many tensors, each of sizes and strides of its own."""

    @helion.kernel(static_shapes=False)
    def add(first: torch.Tensor, others: list[torch.Tensor]) -> torch.Tensor:
        out = torch.empty_like(first)
        for rows, columns in hl.tile(first.size()):
            kept = first[rows, columns]
            for other in others:
                kept = kept + other[rows, columns]
            out[rows, columns] = kept
        return out

    others = [torch.randn(9 + i, 40 + i).t()[:5, :7] for i in range(tensors)]
    return add.bind((torch.randn(5, 7), others))._implementation.specialized


def test_an_example_costs_what_the_size_mentions() -> None:
    few, many = total(2), total(24)
    assert len(many.program.symbols) > len(few.program.symbols) + 60
    costs = []
    for bound in (few, many):
        size = bound.program.grids[0].axes[0].extent * 2 + 1
        assert bound.program.example(size) == 11
        costs.append(python_calls(lambda bound=bound, size=size: bound.program.example(size)))
    assert costs[0] == costs[1]


@pytest.mark.parametrize("hint", [3, 2.5])
def test_numbers_of_either_kind(hint: float) -> None:
    mentioned, other, unknown = sympy.symbols("mentioned other unknown")
    size = mentioned * 4 + unknown
    assert with_numbers(size, {mentioned: hint, other: 7}) == 4 * hint + unknown
