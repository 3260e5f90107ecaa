"""At which multiples ranges of indices begin and end: how many neighbours one instruction may move.

Triton moves several neighbours at once only where they are known to be read all or none, from an address that is a
multiple of their size. A tile that begins or ends where memory says lets each lane be decided by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sympy

if TYPE_CHECKING:
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Axis, Size

ANY = 1 << 16
"""What is a multiple of every vector."""


class Alignment:
    """Of the dimensions of one Program."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._offsets = {axis.offset: 0 for axis in program.loop_axes() if axis.offset is not None}
        self._known: dict[Size, int] = {}
        for axis in program.loop_axes():
            if axis.block is not None:
                self._known[axis.size] = min(self._of(axis), self._known.get(axis.size, ANY))

    def of(self, size: Size) -> int:
        """The greatest power of two that every range of a dimension begins and ends at multiples of."""
        found = self._known.get(size)
        if found is None:
            found = self._known[size] = self._factor(size)
        return found

    def _of(self, axis: Axis) -> int:
        return min(self._factor(axis.begin), self._factor(axis.end))

    def _factor(self, bound: Size) -> int:
        """The greatest power of two in a bound; 1 of one that only the device knows."""
        try:
            number = self._program.example(sympy.sympify(bound).xreplace(self._offsets))
        except TypeError:
            return 1
        return min(number & -number, ANY) if number else ANY
