"""Vectors that are loaded and repeated along a tile: a weight of each column, for all rows.

Threads load a vector as it lies in memory, and hold it as the tile that it is computed with lies: it passes through
shared memory, and warps wait for each other with what they hold of the tile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from helion_compiler.program.ops import Load, Pointwise
from helion_compiler.program.sources import sources_of
from helion_compiler.program.views import VIEWS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from helion_compiler.program.ops import Op
    from helion_compiler.program.types import Size, Value


@attrs.frozen
class Repeated:
    """A vector of ``sizes``, ``along`` others."""

    sizes: frozenset[Size]
    along: frozenset[Size]

    def is_passed(self, lanes: Callable[[Size], int]) -> bool:
        """Whether there is anything to repeat, and anything to repeat it along, where sizes have so many lanes."""
        return all(any(lanes(size) > 1 for size in some) for some in (self.sizes, self.along))


def repeated_by(op: Op, read: Iterable[Value], makers: Mapping[Value, Op]) -> Iterator[Repeated]:
    """What an op repeats of vectors that ``makers`` load, among the values in registers that it reads."""
    if not isinstance(op, Pointwise):
        return
    whole = _sizes(op.result)
    for value in read:
        sizes = _sizes(value)
        if sizes < whole and _is_loaded(value, makers):
            yield Repeated(sizes, whole - sizes)


def _sizes(value: Value) -> frozenset[Size]:
    return frozenset(size for size in value.type.shape if size != 1)


def _is_loaded(value: Value, makers: Mapping[Value, Op]) -> bool:
    """Whether a value is a load's, or computed lane by lane from loads."""

    def lane_by_lane(source: Value) -> bool:
        return isinstance(makers.get(source), (Load, Pointwise, *VIEWS))

    return any(isinstance(op, Load) for op in sources_of([value], makers, lane_by_lane))
