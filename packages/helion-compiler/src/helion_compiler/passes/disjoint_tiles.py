"""Which tiles of one buffer never meet: those of two loops of which one ends where the other begins.

A bound that memory says is one number for the whole program only where it is read once, outside of every loop: the
same symbol means another number in another turn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sympy

from helion_compiler.program.fields import blocks
from helion_compiler.program.ops import Loop, Number, While
from helion_compiler.program.types import TileSlice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helion_compiler.program.ops import Access, Block
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Size


class DisjointTiles:
    """What is known of one Program."""

    def __init__(self, program: Program) -> None:
        self._program = program
        once = [op for grid in program.grids for op in _numbers(grid.body)]
        first = {op.operand: op.symbol for op in reversed(once)}
        self._same = {op.symbol: first[op.operand] for op in once}
        """Numbers that are read once, by their symbols: the first symbol of each value."""
        computed = {op.symbol for op in program.walk() if isinstance(op, Number)}
        offsets = {axis.offset for loop in program.loops() for axis in loop.axes}
        self._changing = offsets | (computed - self._same.keys())

    def apart(self, first: Access, second: Access) -> bool:
        """Whether two accesses never touch the same element, whichever turns of their loops they are in."""
        if first.buffer is not second.buffer or first.addresses or second.addresses:
            return False
        return any(
            isinstance(one, TileSlice) and isinstance(other, TileSlice) and self._follow(one, other)
            for one, other in zip(first.subscripts, second.subscripts, strict=True)
        )

    def _follow(self, one: TileSlice, other: TileSlice) -> bool:
        if one.shift != 0 or other.shift != 0:
            return False
        return self._meet(one.axis.end, other.axis.begin) or self._meet(
            other.axis.end, one.axis.begin
        )

    def _meet(self, end: Size, begin: Size) -> bool:
        """Whether two bounds are one number, the same throughout the program."""
        bounds = [sympy.sympify(bound) for bound in (end, begin)]
        if any(not bound.free_symbols.isdisjoint(self._changing) for bound in bounds):
            return False
        return self._program.same(*(bound.xreplace(self._same) for bound in bounds))


def _numbers(block: Block) -> Iterator[Number]:
    """The numbers that no loop computes again."""
    for op in block.ops:
        if isinstance(op, Number):
            yield op
        elif not isinstance(op, Loop | While):
            for inner in blocks(op):
                yield from _numbers(inner)
