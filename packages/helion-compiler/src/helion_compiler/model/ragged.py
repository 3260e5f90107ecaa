"""How long loops are whose bounds are data: what is expected of items of unequal lengths.

In: a Program. Out: for each axis of a loop that ends where memory says, the mean length of an item and which tile of
items it has to do for. The mean is what the walked dimension has for each item: a jagged tensor holds each of its
elements once. Of the spread nothing is known; lengths are taken to be even between nothing and twice the mean, of
which the greatest of ``n`` is expected to be ``n / (n + 1)`` of the most.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

import attrs
import sympy

from helion_compiler.program.fields import made_by, operands
from helion_compiler.program.ops import Load, Number
from helion_compiler.program.types import TileSlice, ValueIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from helion_compiler.program.ops import Access, Op
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Axis, Size, Value


@attrs.frozen
class Lengths:
    """Of the items that an axis walks: their ``mean``, and the sizes of the tiles that hold several of them."""

    mean: float
    items: tuple[Size, ...] = ()

    @property
    def most(self) -> float:
        """The longest that there is."""
        return 2.0 * self.mean

    def longest(self, items: float) -> float:
        """What is expected of the longest of so many."""
        return self.most * items / (items + 1.0)

    def together(self, lanes: Callable[[Size], int], example: Callable[[Size], int]) -> int:
        """How many items one tile has, whose loop is as long as the longest of them."""
        return math.prod(min(lanes(size), example(size)) for size in self.items)

    def spread(self, items: float) -> float:
        """The standard deviation of the longest of so many, relative to what is expected of it."""
        return 1.0 / math.sqrt(items * (items + 2.0))


def lengths_of(program: Program) -> dict[Axis, Lengths]:
    """The lengths of every axis whose bounds are read from memory by item, where the walked dimension tells them."""
    finder = _Finder(program)
    found = {axis: finder.of(axis) for loop in program.loops() for axis in loop.axes}
    return {axis: lengths for axis, lengths in found.items() if lengths is not None}


class _Finder:
    def __init__(self, program: Program) -> None:
        self._program = program
        self._makers = made_by(program.walk())
        self._numbers = {op.symbol: op for op in program.walk() if isinstance(op, Number)}
        self._unknown = {axis.size for axis in program.loop_axes() if self._is_data(axis.extent)}

    def of(self, axis: Axis) -> Lengths | None:
        bounds = sympy.sympify(axis.extent).free_symbols & self._numbers.keys()
        values = [self._numbers[symbol].operand for symbol in bounds]
        read = list(dict.fromkeys(load for value in values for load in self._loads(value)))
        if not read:
            return None
        entries = Counter(load.buffer.number for load in read)
        # Where items begin and end is one list of one more.
        number = max(self._elements(load) - (entries[load.buffer.number] > 1) for load in read)
        items = tuple(dict.fromkeys(size for load in read for size in load.result.type.shape))
        accesses = self._program.accesses()
        packed = max((self._packed(op, axis, items) for op in accesses), default=0.0)
        if packed and number > 0:
            return Lengths(packed / number, items)
        padded = max((self._padded(op, axis) for op in accesses), default=0)
        return Lengths(padded / 2.0, items) if padded else None

    def _loads(self, value: Value) -> Iterator[Load]:
        """What a value is computed from of memory."""
        op: Op | None = self._makers.get(value)
        if isinstance(op, Load):
            yield op
        elif op is not None:
            for operand in operands(op):
                yield from self._loads(operand)

    def _elements(self, load: Load) -> int:
        return math.prod(map(self._program.example, load.buffer.shape))

    def _packed(self, op: Access, axis: Axis, items: tuple[Size, ...]) -> float:
        """How many indices of the axis an access finds in a dimension that holds all items, one behind the other."""
        for entry, extent in zip(op.subscripts, op.buffer.shape, strict=True):
            if isinstance(entry, TileSlice) and entry.axis == axis and self._lies_in(axis):
                return float(self._program.example(extent))
            if isinstance(entry, ValueIndex) and axis.size in entry.value.type.shape:
                beside = {s for s in entry.value.type.shape if s != axis.size and s not in items}
                if beside.isdisjoint(self._unknown):
                    along = math.prod(map(self._program.example, beside))
                    return self._program.example(extent) / max(along, 1)
        return 0.0

    def _padded(self, op: Access, axis: Axis) -> int:
        """The extent of a dimension that is each item's own, as long as the longest may be; 0 for other accesses."""
        for entry, extent in zip(op.subscripts, op.buffer.shape, strict=True):
            if isinstance(entry, TileSlice) and entry.axis == axis and not self._lies_in(axis):
                return self._program.example(extent)
        return 0

    def _lies_in(self, axis: Axis) -> bool:
        """Whether an axis begins and ends where memory says: among other items."""
        return self._is_data(axis.begin) and self._is_data(axis.end)

    def _is_data(self, size: Size) -> bool:
        return not sympy.sympify(size).free_symbols.isdisjoint(self._numbers)
