"""How long loops are, and whether branches are taken, where data decides: at samples of what it may be.

In: a Program, and what is expected of lengths of items (:mod:`~helion_compiler.model.ragged`). A sample is an item, by
its place in the order of lengths, and a tile of each grid axis, by its place along that; the places are those of the
additive recurrence R2, which fill a square evenly (M. Roberts, "The Unreasonable Effectiveness of Quasirandom
Sequences", 2018). Out: the indices that a loop walks in each sample, and whether a branch is taken.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from helion_compiler.program.bounds import Bounds, UnknownError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt
    import sympy

    from helion_compiler.model.nesting import Branch
    from helion_compiler.model.ragged import Lengths
    from helion_compiler.program.bounds import Entries
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Axis, Size, Value

    Array: TypeAlias = npt.NDArray[Any]
    Lanes: TypeAlias = Callable[[Size], int]

_SAMPLES = 256
_PLASTIC = 1.32471795724474602596
"""The real root of x³ = x + 1."""


class Samples:
    """The samples of one Program; what is the same for each of them is not told apart."""

    def __init__(
        self,
        program: Program,
        lengths: Mapping[Axis, Lengths],
        example: Callable[[Size], int],
        offsets: Mapping[sympy.Symbol, int],
    ) -> None:
        self._bounds = Bounds(program)
        self._lengths = lengths
        self._example = example
        self._axes = [axis for grid in program.grids for axis in grid.axes if axis.offset]
        self._numbers = {**program.symbol_hints, **offsets}
        self._blocks = [block.symbol for block in program.blocks]
        self._by_buffer = {
            load.buffer.number: one
            for axis, one in lengths.items()
            for load in self._bounds.loads(axis.extent)
        }
        numbers = np.arange(_SAMPLES)
        self._quantiles = (0.5 + numbers / _PLASTIC) % 1.0
        self._places = (0.5 + numbers / _PLASTIC**2) % 1.0
        self._known: dict[tuple[object, ...], Array | None] = {}

    def extents(self, axis: Axis, lanes: Lanes, items: int) -> Array | None:
        """The indices that a loop walks over the longest of so many items; None where its bound is computed in a way
        that is not followed.
        """
        found = self._at(axis.extent, self._lengths[axis], lanes, items)
        return None if found is None or (found < 0).any() else found

    def holds(self, branch: Branch, lanes: Lanes) -> Array | None:
        """Whether a branch is taken; None where that is not known."""
        condition = branch.of.condition
        buffers = {load.buffer.number for load in self._bounds.loads(condition)}
        if not buffers <= self._by_buffer.keys():
            return None
        lengths = next((self._by_buffer[number] for number in buffers), None)
        items = 1 if lengths is None else lengths.together(lanes, self._example)
        found = self._at(condition, lengths, lanes, items)
        return None if found is None else found.astype(bool) == branch.taken

    def _at(
        self, bound: Size | Value, lengths: Lengths | None, lanes: Lanes, items: int
    ) -> Array | None:
        key = (bound, items, *map(lanes, self._blocks))
        if key not in self._known:
            self._known[key] = self._sampled(bound, lengths, lanes, items)
        return self._known[key]

    def _sampled(
        self, bound: Size | Value, lengths: Lengths | None, lanes: Lanes, items: int
    ) -> Array | None:
        numbers: dict[sympy.Symbol, Any] = {**self._numbers}
        numbers |= {symbol: lanes(symbol) for symbol in self._blocks}
        for axis in self._axes:
            tiles = math.ceil(self._example(axis.extent) / lanes(axis.size))
            tile = np.floor(self._places * tiles).astype(np.int64)
            assert axis.offset is not None
            numbers[axis.offset] = self._example(axis.begin) + tile * lanes(axis.size)
        entries: Entries = {}
        if lengths is not None:
            longest = np.ceil(lengths.most * self._quantiles ** (1 / items)).astype(np.int64)
            entries = self._bounds.entries(bound, longest)
        try:
            found = self._bounds.of(bound, numbers, entries)
        except UnknownError:
            return None
        return np.broadcast_to(found, self._places.shape)
