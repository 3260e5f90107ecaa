"""Products that are added to something as they are made.

In: a block. Out: to what their results are added. A product that begins from nothing and whose result, as it
was summed, goes into one addition is made on top of the other summand (Triton's combining of dots and additions), and
takes neither registers of its own nor a wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion_compiler.program.ops import Dot, Pointwise
from helion_compiler.program.program import count_uses
from helion_compiler.program.types import Value

if TYPE_CHECKING:
    from helion_compiler.program.ops import Block


def summands(block: Block) -> dict[Value, Value]:
    """By the result of each such product of the block, what it is added to."""
    uses = count_uses(block)
    products = {
        op.result
        for op in block.ops
        if isinstance(op, Dot)
        and op.accumulator is None
        and op.result.type.dtype == op.accumulate
        and uses[op.result] == 1
    }
    found: dict[Value, Value] = {}
    for op in block.ops:
        if not isinstance(op, Pointwise) or not _adds(op):
            continue
        one, other = op.args
        for product, summand in ((one, other), (other, one)):
            # Of two products one is made on top of the other.
            if product in products and found.get(summand) is not product:
                found[product] = summand
    return found


def _adds(op: Pointwise) -> bool:
    """Whether two values of one type are added as they are."""
    if op.operator.overloadpacket.__name__ != "add" or op.kwargs or len(op.args) != 2:
        return False
    one, other = op.args
    return isinstance(one, Value) and isinstance(other, Value) and one.type == other.type
