"""What divides a size or a position, whatever the tile: a loop that ends where another loop's tile begins is as exact
as that tile's block is a multiple of its own.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import sympy

if TYPE_CHECKING:
    from collections.abc import Callable

    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Size

    Lanes: TypeAlias = Callable[[Size], int]


_OF_ALL_PARTS = ("Add", "Min", "Max")
"""What divides every part of these divides them: by name, since sympy and torch have extrema of their own."""


class Divisors:
    """Divisors of the expressions of a Program, given how many lanes each size has."""

    def __init__(self, program: Program) -> None:
        self._axes = {axis.offset: axis for axis in program.loop_axes() if axis.offset is not None}
        self._blocks = {block.symbol for block in program.blocks}
        self._resolve = program.resolve

    def divides(self, number: int, size: Size, lanes: Lanes) -> bool:
        """Whether ``size`` is a multiple of ``number`` as far as is known; 0 is one of every number."""
        return self._divisor(self._resolve(size), lanes) % number == 0

    def _divisor(self, size: Size, lanes: Lanes) -> int:
        """A number that divides ``size`` everywhere: 0 for 0, 1 where nothing is known."""
        if isinstance(size, int) or size.is_Integer:
            return abs(int(size))
        match size:
            case sympy.Symbol():
                return self._of_symbol(size, lanes)
            case sympy.Mul() if all(part.is_integer for part in size.args):
                return math.prod(self._divisor(part, lanes) for part in size.args)
            case _ if type(size).__name__ in _OF_ALL_PARTS:
                return math.gcd(*(self._divisor(part, lanes) for part in size.args))
            case _:
                return 1

    def _of_symbol(self, symbol: sympy.Symbol, lanes: Lanes) -> int:
        if symbol in self._blocks:
            return lanes(symbol)
        axis = self._axes.get(symbol)
        if axis is None:
            return 1
        begin = self._divisor(self._resolve(axis.begin), lanes)
        step = self._divisor(self._resolve(axis.step), lanes) if axis.scalar else lanes(axis.size)
        return math.gcd(begin, step)
