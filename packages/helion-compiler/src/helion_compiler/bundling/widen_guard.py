"""Widen a guard for serving: drop what keeps calls of another class away for the sake of speed alone.

While a program runs, a Program that was traced for sizes that are no multiples of 16, or for long
rows, leaves other sizes to a Program of their own, which will be compiled. A bundle compiles
nothing, and its more specialised variants come first: the rest of them may serve whatever they can.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion_runtime.record import replace

if TYPE_CHECKING:
    from helion_compiler.program.program import Program
    from helion_runtime.entries import Expression, VariantEntry


def widen_guard(variant: VariantEntry, program: Program) -> VariantEntry:
    """``variant`` of ``program`` without the assumptions that no binary relies on: that a size is
    no multiple, or is not below a limit. What the program itself depends on stays."""
    dropped = [
        assumed
        for assumed in program.assumptions
        if _is_negative(assumed) and assumed not in program.guard
    ]
    return replace(variant, guard=tuple(g for g in variant.guard if g not in dropped))


def _is_negative(guard: Expression) -> bool:
    match guard:
        case ["ne", ["mod", _, _], 0] | ["le", int(), [*_]]:
            return True
    return False
