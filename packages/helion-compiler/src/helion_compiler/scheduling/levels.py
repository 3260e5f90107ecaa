"""Which ops of a block work along a whole axis, and how many reductions over it lie before each: the loops that the
axis becomes where it is rolled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from helion_compiler.program.fields import blocks, operands, parameters, results, symbols
from helion_compiler.program.ops import Number, Reduce, Store
from helion_compiler.program.program import defined, walk
from helion_compiler.scheduling.online_sums import find_online_sums

if TYPE_CHECKING:
    from helion_compiler.program.ops import Block, Op
    from helion_compiler.program.types import Axis, Value


@attrs.frozen
class Along:
    """Questions about values and ops, and the axis ``whole``."""

    whole: Axis

    def has_axis(self, value: Value) -> bool:
        """Whether a value has the axis among its dimensions."""
        return self.whole.size in value.type.shape

    def works(self, op: Op) -> bool:
        """Whether an op works on values along the axis, and so belongs into a loop over it."""
        return any(map(self.has_axis, (*operands(op), *results(op))))

    def reduces(self, op: Op) -> bool:
        """Whether an op is a reduction over the axis."""
        return isinstance(op, Reduce) and op.operand.type.shape[op.dim] == self.whole.size

    def ends_loop(self, op: Op) -> bool:
        """Whether a loop over the axis is run for an op: a reduction, or a store."""
        return self.reduces(op) or (isinstance(op, Store) and self.works(op))

    def levels(self, block: Block) -> dict[Op, int]:
        """How many reductions over the axis lie before each op."""
        levels: dict[Op, int] = {}
        available: dict[object, int] = {}
        for op in block.ops:
            read = [*operands(op), *symbols(op), *free_values(op)]
            level = max((available.get(value, 0) for value in read), default=0)
            levels[op] = level
            for value in results(op):
                available[value] = level + 1 if self.reduces(op) else level
            if isinstance(op, Number):
                available[op.symbol] = level
        return levels


def count_loops(block: Block, axis: Axis) -> int:
    """How many loops ``axis`` becomes where it is rolled, in the part of a block that has most of them."""
    along = Along(axis)
    levels = along.levels(block)
    joined = {one.total for one in find_online_sums(block, levels, along.reduces)}
    own = {levels[op] for op in block.ops if op not in joined and along.ends_loop(op)}
    inner = (count_loops(nested, axis) for op in block.ops for nested in blocks(op))
    return max(len(own), *inner, 0)


def free_values(op: Op) -> list[Any]:
    """What an op's blocks read from outside: values, and symbols of numbers."""
    bodies = blocks(op)
    inside = {value for body in bodies for value in defined(body)} | set(parameters(op))
    ops = [inner for body in bodies for inner in walk(body)]
    read: list[Any] = [part for inner in ops for part in (*operands(inner), *symbols(inner))]
    read += [value for body in bodies for value in body.yields]
    return [value for value in read if value not in inside]
