"""Let products whose left factors stay in registers end before anything else is computed.

Triton's pipeline lets the products of a turn run while the next turn computes its factors, and waits for too few of
them: what the next turn computes may be written into registers that products still read
(https://github.com/triton-lang/triton/issues/9433, for Hopper, in Triton 3.6 and 3.7). With triton 3.6, a product of
weights of four bits was wrong on an H200 in one of 96 configs, and its machine code shows why.

In: a Program as it will be emitted. Out: the same, with :attr:`Dot.awaited` set for such products. Those whose sums a
turn computes with, as attention's, are waited for anyway; and so are those whose left factors a turn computes of other
products: it waits for these first, which begin later and end in turn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from helion_compiler.program.fields import made_by, with_blocks, with_fields
from helion_compiler.program.ops import Dot, Loop
from helion_compiler.program.sources import sources_of
from helion_compiler.program.views import loaded_by
from helion_compiler.scheduling.sums_of_products import sums_of_products

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helion_compiler.program.ops import Block, Op
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Value

_SUMMED = 4
"""Bytes of the sums of the instructions that this is about."""


def await_products(program: Program) -> Program:
    """``program`` with products marked that have to be waited for."""
    if not any(isinstance(op, Dot) for op in program.walk()):
        return program

    def marked(block: Block) -> Block:
        ops = (with_blocks(op, marked) for op in block.ops)
        return with_fields(
            block, ops=tuple(_marked(op) if isinstance(op, Loop) else op for op in ops)
        )

    return program.with_bodies(marked)


def _is_computed_ahead(value: Value, made: Mapping[Value, Op]) -> bool:
    """Whether a turn computes a value, and of nothing that it has multiplied itself."""
    if value not in made or loaded_by(value, made) is not None:
        return False
    return not any(isinstance(op, Dot) for op in sources_of([value], made))


def _marked(loop: Loop) -> Loop:
    made = made_by(loop.body.ops)
    found = {
        product
        for one in sums_of_products(loop)
        for product in one.products
        if product.accumulate.itemsize == _SUMMED and _is_computed_ahead(product.lhs, made)
    }
    if not found:
        return loop
    ops = tuple(attrs.evolve(op, awaited=True) if op in found else op for op in loop.body.ops)
    return attrs.evolve(loop, body=attrs.evolve(loop.body, ops=ops))
