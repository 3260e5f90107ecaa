"""Reductions and scans by a function of the author's: the function as Triton source of its own, then one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from helion_compiler.emission.context import EmissionContext
    from helion_compiler.program.ops import Fold


def emit_fold(context: EmissionContext, op: Fold) -> None:
    """``tl.reduce`` or ``tl.associative_scan``, of one tensor or of a tuple."""
    name = context.function(op.combine, op.parameters)
    values = [context.use(value) for value in op.operands]
    operands = values[0] if len(values) == 1 else f"({', '.join(values)})"
    call = "tl.associative_scan" if op.scan else "tl.reduce"
    reverse = ", reverse=True" if op.reverse else ""
    text = f"{call}({operands}, {op.dim}, {name}{reverse})"
    if len(op.results) == 1:
        context.define(op.results[0], text)
        return
    names = [context.name(value) for value in op.results]
    context.writer.line(f"{', '.join(names)} = {text}")
