"""At which multiples ranges of indices begin and end: how many neighbours one instruction may move.

Triton moves several neighbours at once only where they are known to be read all or none, from an address that is a
multiple of their size. A tile that begins or ends where memory says lets each lane be decided by itself.

It gives a thread as many neighbours as one instruction could move all the same, so that the lanes of a warp lie apart
in every access. Where lanes have one dimension, they are told to have no neighbours (``tl.max_contiguous``), and a warp
moves what lies side by side; where they have more, contiguity is also how Triton finds the dimension to walk along.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sympy

from helion_compiler.program.access import accessed_shape
from helion_compiler.program.ops import Number

if TYPE_CHECKING:
    from collections.abc import Callable

    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Axis, Size

ANY = 1 << 16
"""What is a multiple of every vector."""


class Alignment:
    """Of the dimensions of one Program."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._offsets = {axis.offset: 0 for axis in program.loop_axes() if axis.offset is not None}
        numbers = {op.symbol for op in program.walk() if isinstance(op, Number)}
        self._by_data = {
            axis.size
            for axis in program.loop_axes()
            if axis.block is not None
            and axis.ends is None
            and any(sympy.sympify(bound).free_symbols & numbers for bound in (axis.begin, axis.end))
        }
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

    def beside(self, size: Size) -> frozenset[Size] | None:
        """The other dimensions of what is accessed along a dimension of which each lane is masked by itself, since its
        tile begins or ends where memory says; None of other dimensions.
        """
        if size not in self._by_data:
            return None
        shapes = [accessed_shape(op.subscripts, op.addresses) for op in self._program.accesses()]
        return frozenset(one for shape in shapes if size in shape for one in shape) - {size}

    def is_told(self, axis: Axis, lanes: Callable[[Size], int]) -> bool:
        """Whether Triton is told that lanes of a tile have no neighbours, where ``lanes`` says how many a size has."""
        return is_alone(self.beside(axis.size) if axis.block is not None else None, lanes)

    def _of(self, axis: Axis) -> int:
        return min(self._factor(axis.begin), self._factor(axis.end))

    def _factor(self, bound: Size) -> int:
        """The greatest power of two in a bound; 1 of one that only the device knows."""
        try:
            number = self._program.example(sympy.sympify(bound).xreplace(self._offsets))
        except TypeError:
            return 1
        return min(number & -number, ANY) if number else ANY


def is_alone(beside: frozenset[Size] | None, lanes: Callable[[Size], int]) -> bool:
    """Whether lanes lie along a dimension alone that has these others beside it."""
    return beside is not None and all(lanes(size) == 1 for size in beside)
