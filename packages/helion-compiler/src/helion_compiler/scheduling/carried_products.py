"""Which values hold what matrix products computed, lane by lane: the products, what is computed of their lanes, and
what loops and branches hand on of these."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion_compiler.program.fields import blocks, operands, results
from helion_compiler.program.ops import (
    Block,
    Broadcast,
    Dot,
    If,
    Loop,
    Mask,
    Op,
    Permute,
    Pointwise,
    Squeeze,
    Unsqueeze,
    While,
)

if TYPE_CHECKING:
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Value

LANE_BY_LANE = (Pointwise, Broadcast, Unsqueeze, Squeeze, Permute, Mask)
"""Ops each lane of whose result is computed of the same lane of their operands."""


def carried_products(program: Program) -> frozenset[Value]:
    """The values of ``program`` that hold products lane by lane."""
    found: set[Value] = set()
    for grid in program.grids:
        _visit(grid.body, found)
    return frozenset(found)


def _visit(block: Block, found: set[Value]) -> None:
    for op in block.ops:
        _op(op, found)


def _op(op: Op, found: set[Value]) -> None:
    match op:
        case Dot():
            found.add(op.result)
        case Loop() | While():
            found |= {p for i, p in zip(op.initial, op.parameters, strict=True) if i in found}
            for body in blocks(op):
                _visit(body, found)
            found |= {r for r, y in zip(op.results, op.body.yields, strict=True) if y in found}
        case If():
            for body in blocks(op):
                _visit(body, found)
            yields = zip(op.then.yields, op.otherwise.yields, strict=True)
            chosen = zip(op.results, yields, strict=True)
            found |= {result for result, ways in chosen if not found.isdisjoint(ways)}
        case _ if isinstance(op, LANE_BY_LANE) and not found.isdisjoint(operands(op)):
            found |= set(results(op))
        case _:
            for body in blocks(op):
                _visit(body, found)
