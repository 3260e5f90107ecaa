"""How many tiles a loop has at a point, where that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sympy

from helion_compiler.program.expressions import ceil_div

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Axis, Size
    from helion_compiler.space.point_lanes import PointLanes


class TileCounts:
    """Counts for one Program; ``lanes`` are those of its block sizes."""

    def __init__(self, program: Program, lanes: PointLanes) -> None:
        self._program = program
        self._lanes = lanes
        self._extents: dict[Axis, Size] = {}

    def of(self, axis: Axis, point: Mapping[str, Any]) -> int | None:
        """The tiles along an axis; None where only the call, or the device, knows."""
        if axis not in self._extents:
            extent = self._program.resolve(axis.extent)
            known = not isinstance(extent, int) and extent.is_Integer
            self._extents[axis] = int(extent) if known else extent
        extent = self._extents[axis]
        step = axis.step if axis.scalar else self._lanes.of(axis.size, point)
        if isinstance(extent, int) and isinstance(step, int):
            return max(-(-extent // step), 0)
        count = sympy.sympify(ceil_div(extent, step))
        return max(int(count), 0) if count.is_Integer else None

    def of_all(self, axes: Sequence[Axis], point: Mapping[str, Any]) -> int | None:
        """The tiles of a loop over several axes; None where they are not known."""
        total = 1
        for axis in axes:
            count = self.of(axis, point)
            if count is None:
                return None
            total *= count
        return total
