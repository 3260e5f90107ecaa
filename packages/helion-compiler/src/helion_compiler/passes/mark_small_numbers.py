"""Find conversions of whole numbers that are so few and small that bits of a float can be put together from them.

The numbers from 128 to 255 are those bfloat16 that have one unit in their last place, so that adding an integer to the
bits of 128.0 adds it to the number. A conversion is then an addition of integers and a subtraction of floats, which
are two instructions for two lanes, where a conversion takes a unit that does a fourth of the lanes in a cycle, or
several instructions for each. In float16 the same holds from 1024 to 2047.

In: a Program. Out: the same, with :attr:`Pointwise.between` set on such conversions. Bools stay: a selection makes
their floats in one instruction.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, TypeGuard

import torch

from helion_compiler.passes.whole_numbers import Bounds, WholeNumbers
from helion_compiler.program.fields import with_blocks, with_fields
from helion_compiler.program.ops import Pointwise
from helion_compiler.program.types import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helion_compiler.program.ops import Block, Op
    from helion_compiler.program.program import Program

_CONVERSION = torch.ops.prims.convert_element_type.default
_SPAN: Mapping[torch.dtype, int] = MappingProxyType({torch.bfloat16: 2**7, torch.float16: 2**10})
"""How many numbers lie one apart from a power of two on, that power, by dtype."""


def mark_small_numbers(program: Program) -> Program:
    """``program`` with :attr:`Pointwise.between` set where it holds."""
    ops = list(program.walk())
    if not any(map(_is_conversion, ops)):
        return program
    numbers = WholeNumbers(ops)

    def marked(block: Block) -> Block:
        return with_fields(block, ops=tuple(mark(with_blocks(op, marked)) for op in block.ops))

    def mark(op: Op) -> Op:
        if not _is_conversion(op):
            return op
        bounds = numbers.bounds(op.args[0])
        if bounds is None or not _are_few(bounds, _SPAN[op.result.type.dtype]):
            return op
        return with_fields(op, between=(bounds.least, bounds.most))

    return program.with_bodies(marked)


def _is_conversion(op: Op) -> TypeGuard[Pointwise]:
    """Whether an op makes floats of 16 bits of integers."""
    if not isinstance(op, Pointwise) or op.operator is not _CONVERSION:
        return False
    operand = op.args[0]
    return (
        op.result.type.dtype in _SPAN
        and isinstance(operand, Value)
        and not operand.type.dtype.is_floating_point
        and operand.type.dtype is not torch.bool
    )


def _are_few(bounds: Bounds, span: int) -> bool:
    """Whether they fit between two powers of two, and each of them, and what moves them there, is a number of the
    dtype, which has all whole numbers up to ``2 * span``.
    """
    return bounds.most - bounds.least < span and -span <= bounds.least and bounds.most <= 2 * span
