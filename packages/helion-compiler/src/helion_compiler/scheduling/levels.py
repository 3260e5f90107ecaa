"""Which ops of a block work along a whole axis, and how many reductions over it lie before each: the loops that the
axis becomes where it is rolled, and which of them repeat what.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from helion_compiler.program.fields import blocks, made_by, operands, results, symbols
from helion_compiler.program.ops import Number, Reduce, Store
from helion_compiler.program.sources import free_values, sources_of
from helion_compiler.scheduling.online_sums import find_online_sums

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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

    def closure(
        self, block: Block, goals: Iterable[Op], instead: Mapping[Op, Iterable[Value]]
    ) -> list[Op]:
        """The ops along the axis that the goals are computed from without a reduction in between, in source order,
        goals included. Of an op in ``instead``, those values are followed instead of its operands.
        """
        needed = set(goals)
        values = {value for op in needed for value in operands(op)}
        for op in reversed(block.ops):
            along = self.works(op) and not self.reduces(op)
            if op in needed or (along and values.intersection(results(op))):
                needed.add(op)
                values.update(instead.get(op, operands(op)))
        return [op for op in block.ops if op in needed]


def count_repeats(block: Block, axis: Axis) -> dict[Op, int]:
    """In how many of the loops that ``axis`` becomes where it is rolled each op along it is done: all that need it."""
    along = Along(axis)
    levels = along.levels(block)
    sums: dict[Op, Op] = {
        one.total: one.maximum for one in find_online_sums(block, levels, along.reduces)
    }
    makers = made_by(block.ops)
    found: dict[Op, set[int]] = {}
    for end in block.ops:
        if along.ends_loop(end):
            for op in _needed(end, along, makers):
                found.setdefault(op, set()).add(levels[sums.get(end, end)])
    counts = {op: len(loops) for op, loops in found.items()}
    for op in block.ops:
        for nested in blocks(op):
            counts |= count_repeats(nested, axis)
    return counts


def _needed(end: Op, along: Along, makers: Mapping[Value, Op]) -> set[Op]:
    """An op, and those that it is computed from without a reduction in between."""
    return {end, *sources_of(operands(end), makers, along.has_axis)}
