"""What values are views of, or held for again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion_compiler.program.lane_ops import Renew
from helion_compiler.program.ops import Load, Mask, Permute, Squeeze, Unsqueeze

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helion_compiler.program.ops import Op
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Value

VIEWS = (Mask, Permute, Squeeze, Unsqueeze)
"""Ops whose results have the lanes of their operands, where those are."""


def loaded_by(value: Value, makers: Mapping[Value, Op]) -> Load | None:
    """The load that a value is a view of; None if it is computed, or made by none of ``makers``."""
    op = makers.get(value)
    while isinstance(op, VIEWS):
        op = makers.get(op.operand)
    return op if isinstance(op, Load) else None


def renewed_values(program: Program) -> frozenset[Value]:
    """The values that are renewed, and what they become."""
    renewals = [op for op in program.walk() if isinstance(op, Renew)]
    return frozenset(value for op in renewals for value in (op.operand, op.result))
