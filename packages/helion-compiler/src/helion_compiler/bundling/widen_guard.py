"""Widen a guard for serving: drop what keeps calls of another class away for the sake of speed alone.

While a program runs, a Program that was traced for sizes that are no multiples of 16, or for long
rows, leaves other sizes to a Program of their own, which will be compiled. A bundle compiles
nothing, and its more specialised variants come first: the rest of them may serve whatever they can.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from helion_compiler.tracing.assumptions import assumptions

if TYPE_CHECKING:
    from helion_compiler.program.program import Program
    from helion_runtime.entries import Expression, VariantEntry


def widen_guard(variant: VariantEntry, program: Program) -> VariantEntry:
    """``variant`` of ``program`` without the assumptions that no binary relies on: that a size is
    no multiple, or is not below a limit."""
    guards = list(reversed(variant.guard))
    for assumed in assumptions(program):
        # Only the last of equal guards: the first may be a condition of the author's own.
        if _is_negative(assumed) and assumed in guards:
            guards.remove(assumed)
    return attrs.evolve(variant, guard=tuple(reversed(guards)))


def _is_negative(guard: Expression) -> bool:
    match guard:
        case ["ne", ["mod", _, _], 0] | ["le", int(), [*_]]:
            return True
    return False
