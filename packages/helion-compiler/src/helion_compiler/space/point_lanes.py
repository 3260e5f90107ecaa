"""How many lanes a value has at a point: what constraints on a config have to know.

In: a Program, and which of its whole axes a parameter rolls. Out: lanes for a size, as the Schedule
of that point will have them, but for the least lanes that matrix products need.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from helion_compiler.program.expressions import with_numbers

if TYPE_CHECKING:
    from collections.abc import Mapping

    import sympy

    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Size, Value


class PointLanes:
    """``rolled`` says which parameter holds the step of the loop over a whole axis, by its size."""

    def __init__(self, program: Program, rolled: Mapping[Size, str]) -> None:
        self._program = program
        self.rolled = rolled
        self._searched: dict[Size, str] = {}
        self._fixed: dict[Size, int] = {}
        self._blocks = {block.symbol for block in program.blocks}
        for block in program.blocks:
            if block.fixed is None:
                self._searched[block.symbol] = f"block_sizes[{block.name}]"
            else:
                self._fixed[block.symbol] = block.fixed

    def of(self, size: Size, point: Mapping[str, Any]) -> int:
        """The lanes of a dimension of this size."""
        if size in self._program.products:
            return self.of_shape(self._program.products[size], point)
        if size in self._searched:
            return int(point[self._searched[size]])
        if size in self._fixed:
            return self._fixed[size]
        if not isinstance(size, int) and not size.free_symbols.isdisjoint(self._blocks):
            return self._merged(size, point)
        name = self.rolled.get(size)
        if name is not None and point[name] is not None:
            return int(point[name])
        return self._program.padded(size)

    def _merged(self, size: sympy.Expr, point: Mapping[str, Any]) -> int:
        """The lanes of a size that is computed from block sizes."""
        numbers = {block: self.of(block, point) for block in size.free_symbols & self._blocks}
        return self._program.padded(with_numbers(size, numbers))

    def of_shape(self, shape: tuple[Size, ...], point: Mapping[str, Any]) -> int:
        """The lanes of a value of this shape."""
        return math.prod(self.of(size, point) for size in shape)

    def bytes_of(self, value: Value, point: Mapping[str, Any]) -> int:
        """The memory that all lanes of a value take, in bytes."""
        return self.of_shape(value.type.shape, point) * value.type.dtype.itemsize
