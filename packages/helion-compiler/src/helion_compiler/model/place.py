"""What one point of a config space makes of a Program's sizes: lanes, turns of loops, indices that exist.

Each is computed once; an estimate asks for them again and again.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import attrs
import numpy as np
import sympy

from helion_compiler.model.nesting import Branch, axes_of
from helion_compiler.model.ragged import lengths_of
from helion_compiler.model.samples import Samples
from helion_compiler.program.expressions import with_numbers
from helion_compiler.program.ops import Loop, While

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from helion_compiler.model.nesting import Loops
    from helion_compiler.model.ragged import Lengths
    from helion_compiler.model.samples import Array
    from helion_compiler.model.work import Multiplied
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Axis, Size

_UNKNOWN_EXTENT = 256
"""Indices of a dimension or a loop that only the device knows."""
_UNKNOWN_TURNS = 16
"""Turns of a loop that goes on until data ends it: as many as halve 65,536 until one is left. How long a program takes
is wrong by as much as this is; which of two takes longer, hardly ever.
"""


class Lanes(Protocol):
    """Says how many lanes a dimension of some size has at a point."""

    @property
    def rolled(self) -> Mapping[Size, str]:
        """Which parameter holds the step of the loop over a whole dimension, by its size."""

    def of(self, size: Size, point: Mapping[str, Any]) -> int:
        """The lanes; of a dimension that is rolled into a loop, those of a turn."""


class Sizes:
    """What holds at every point: extents in the example call."""

    def __init__(self, program: Program, lanes: Lanes) -> None:
        self.lanes = lanes
        self.hints = {block.symbol: max(block.size_hint, 1) for block in program.blocks}
        self._program = program
        # Halfway, for what depends on where another tile begins.
        self._offsets = {
            axis.offset: self.example(axis.end) // 2 for axis in program.loop_axes() if axis.offset
        }
        self.lengths = lengths_of(program)
        self.samples = Samples(program, self.lengths, self.example, self._offsets)
        self.ragged = {axis.size: axis for axis in self.lengths}
        self._blocks = set(self.hints)
        self.names = dict(zip(program.loops(), program.loop_names(), strict=True))
        self._extents: dict[Axis, int | sympy.Expr] = {}
        self._known: dict[tuple[Axis, tuple[int, ...]], int] = {}

    def example(self, size: Size) -> int:
        """What a size is in the example call."""
        try:
            return self._program.example(size)
        except TypeError:  # only the device knows
            return _UNKNOWN_EXTENT

    def varies(self, size: Size) -> bool:
        """Whether a size is computed from block sizes."""
        return not isinstance(size, int) and not size.free_symbols.isdisjoint(self._blocks)

    def extent(self, axis: Axis, lanes: Callable[[Size], int]) -> int:
        """The indices of a loop where blocks have these lanes."""
        extent = self._extents.get(axis)
        if extent is None:
            extent = self._extents[axis] = self._extent(axis)
        if isinstance(extent, int):
            return extent
        blocks = sorted(extent.free_symbols, key=str)
        key = (axis, tuple(map(lanes, blocks)))
        if key not in self._known:
            self._known[key] = int(with_numbers(extent, dict(zip(blocks, key[1], strict=True))))
        return self._known[key]

    def _extent(self, axis: Axis) -> int | sympy.Expr:
        """A number, or an expression of block sizes."""
        extent = sympy.sympify(self._program.resolve(axis.extent))
        extent = with_numbers(extent, {**self._program.symbol_hints, **self._offsets})
        if extent.free_symbols - self.hints.keys():
            return _UNKNOWN_EXTENT
        return int(extent) if extent.is_Integer else extent


@attrs.frozen(eq=False)
class Place:
    """Sizes at one point."""

    sizes: Sizes
    point: Mapping[str, Any]
    longest: bool = False
    """Whether loops over items go on as long as the longest of all goes, not as long as is expected."""
    _lanes: dict[Size, int] = attrs.field(factory=dict, init=False)
    _counts: dict[Axis, float] = attrs.field(factory=dict, init=False)
    _times: dict[Loops, float] = attrs.field(factory=dict, init=False)

    @property
    def warps(self) -> int:
        """Warps of a program."""
        return int(self.point["num_warps"])

    @property
    def staying(self) -> int | None:
        """Programs of a multiprocessor where they stay and take one tile after the other; None where they do not."""
        stays = str(self.point.get("pid_type", "flat")).startswith("persistent")
        return int(self.point.get("num_sm_multiplier") or 1) if stays else None

    @property
    def stages(self) -> int:
        """Turns of a loop that are loaded ahead, with the one that runs."""
        return int(self.point.get("num_stages") or 1)

    def own_stages(self, loop: Loop | While | Branch, default: int = 1) -> int:
        """The same for a loop that a config gives stages of its own; ``default`` where it gives none, or cannot."""
        if not isinstance(loop, Loop):
            return default
        return int(self.point.get(f"range_num_stages[{self.sizes.names[loop]}]") or default)

    def stages_in(self, loops: Loops) -> int:
        """The same of a loop with products, which has stages of its own where a config gives it some."""
        return self.own_stages(loops[-1], self.stages) if loops else self.stages

    def arranged(self, product: Multiplied) -> Multiplied:
        """A product as it is computed here: its operands may be swapped."""
        loop = product.loops[-1] if product.swaps else None
        if not isinstance(loop, Loop):
            return product
        swaps = self.point.get(f"swap_operands[{self.sizes.names[loop]}]")
        return product.swapped if swaps else product

    def lanes(self, size: Size) -> int:
        """Lanes of a dimension; of a rolled one, those of a turn."""
        found = self._lanes.get(size)
        if found is None:
            found = self._lanes[size] = self.sizes.lanes.of(size, self.point)
        return found

    def elements(self, shape: tuple[Size, ...]) -> int:
        """Lanes of a shape."""
        return math.prod(map(self.lanes, shape))

    def step(self, size: Size) -> int | None:
        """The step of the loop that a dimension is rolled into; None if it is not."""
        step = self._step(size)
        return None if step is None or step >= self.sizes.example(size) else step

    @cached_property
    def renewed(self) -> frozenset[Size]:
        """The dimensions that are held as they were loaded, and computed with anew behind each reduction over them."""
        stepped = [size for size in self.sizes.lanes.rolled if self._step(size) is not None]
        return frozenset(size for size in stepped if self.step(size) is None)

    def _step(self, size: Size) -> int | None:
        name = self.sizes.lanes.rolled.get(size)
        return None if name is None else self.point.get(name)

    def steps(self, shape: tuple[Size, ...]) -> int:
        """Turns of the loops that dimensions of a shape are rolled into."""
        turns = 1
        for size in shape:
            step = self.step(size)
            if step is not None:
                turns *= max(math.ceil(self.sizes.example(size) / int(step)), 1)
        return turns

    def repeats(self, shape: tuple[Size, ...], loops: Mapping[Size, int]) -> int:
        """How often rolled dimensions of a shape are walked for an op, which ``loops`` says of each."""
        return self._most(shape, loops, self.step)

    def passes(self, shape: tuple[Size, ...], loops: Mapping[Size, int]) -> int:
        """How often what is along dimensions of a shape is computed: in each loop, or behind each reduction."""
        return self._most(shape, loops, self._step)

    @staticmethod
    def _most(
        shape: tuple[Size, ...], times: Mapping[Size, int], step: Callable[[Size], int | None]
    ) -> int:
        """The most of the times of those dimensions of a shape that have a step."""
        return max((times.get(size, 1) for size in shape if step(size) is not None), default=1)

    def useful(self, size: Size) -> float:
        """Indices of a dimension that exist, of all turns of a rolled one; on average, along items."""
        axis = self.sizes.ragged.get(size)
        if axis is not None:
            return min(self._of_an_item(axis) / self.count(axis), self.lanes(size))
        most = self.sizes.hints.get(size)
        if most is not None:
            return min(self.lanes(size), most)
        return self.lanes(size) if self.sizes.varies(size) else max(self.sizes.example(size), 1)

    def count(self, axis: Axis) -> float:
        """Tiles along an axis; where its end is data, what is expected of them."""
        found = self._counts.get(axis)
        if found is None:
            found = self._counts[axis] = self._expected(self._count(axis))
        return found

    def _expected(self, samples: Array | float) -> float:
        """The mean, or the most; what is in no sample may be all the same."""
        if not isinstance(samples, np.ndarray):
            return samples
        return max(float(samples.max() if self.longest else samples.mean()), 1.0 / samples.size)

    def _count(self, axis: Axis) -> Array | float:
        """In each sample, where these tell."""
        lengths = self.sizes.lengths.get(axis)
        step = self.sizes.example(axis.step) if axis.scalar else self.lanes(axis.size)
        if lengths is None:
            extent = self.sizes.extent(axis, self.lanes)
            return max(math.ceil(extent / max(step, 1)), 1)
        items = lengths.together(self.lanes, self.sizes.example)
        extents = self.sizes.samples.extents(axis, self.lanes, items)
        if extents is not None:
            return np.ceil(extents / step)
        walked = lengths.most if self.longest else lengths.longest(items)
        return walked / step + 0.5  # the last tile is half empty, on average

    def _of_an_item(self, axis: Axis) -> float:
        """The indices that a loop walks of one item."""
        extents = self.sizes.samples.extents(axis, self.lanes, 1)
        if extents is None:
            return self.sizes.lengths[axis].mean
        return max(float(extents.mean()), 1.0 / extents.size)

    @property
    def spread(self) -> float:
        """The standard deviation of the work of tiles, relative to the mean; 0 where items have no lengths."""
        return max((one.spread(items) for one, items in self._together()), default=0.0)

    @property
    def longest_of_all(self) -> float:
        """The work of the longest tile, relative to the mean; 1 where items have no lengths."""
        return max((one.most / one.longest(items) for one, items in self._together()), default=1.0)

    def _together(self) -> Iterator[tuple[Lengths, int]]:
        for lengths in self.sizes.lengths.values():
            yield lengths, lengths.together(self.lanes, self.sizes.example)

    def times(self, loops: Loops) -> float:
        """How often the innermost of some loops runs its body in one tile."""
        found = self._times.get(loops)
        if found is None:
            known = math.prod(map(self._count, axes_of(loops)))
            taken = math.prod(map(self._taken, loops))
            ended_by_data = sum(isinstance(loop, While) for loop in loops)
            found = self._expected(known * taken) * _UNKNOWN_TURNS**ended_by_data
            self._times[loops] = found
        return found

    def _taken(self, loop: Loop | While | Branch) -> Array | float:
        """In which samples a branch is taken; every loop is."""
        if not isinstance(loop, Branch):
            return 1.0
        found = self.sizes.samples.holds(loop, self.lanes)
        return 1.0 if found is None else found.astype(float)
