"""How the lanes of a tile lie in threads, and what it costs threads to bring them together.

Triton spreads a tile along memory first: each thread has as many neighbours as one instruction moves, neighbouring
threads have the next ones, and what is left of threads goes to the other dimensions, those of a warp before whole
warps. A value without a dimension that threads share is held by each of them. A reduction along such a dimension is
handed from thread to thread, once for each of the results that a thread holds: by shuffles within a warp, by shared
memory and barriers between warps.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING

import attrs

from helion_compiler.program.alignment import is_alone
from helion_compiler.scheduling.hoist_reductions import MOST_REGISTERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from helion_compiler.model.nesting import Loops
    from helion_compiler.model.online import Online
    from helion_compiler.model.place import Place
    from helion_compiler.model.work import Computed, GridWork, Moved
    from helion_compiler.program.types import Size

VECTOR = 16
"""Bytes that a thread moves at most in one instruction."""
LINE = 128
"""Bytes of a line: the cache of a multiprocessor looks one up in a cycle, in which lanes do 128 operations."""
_SHUFFLED = 5.0
"""What a step between the threads of a warp takes: a shuffle, of a unit that does 32 lanes a cycle where others do 128,
and the operation.
"""
_HANDED_ON = 20.0
"""What warps take for each result to hand it on: two writes to shared memory and three readings at the same rate.
Counted in SASS of a maximum and a sum of 16 rows by 64 columns in four warps.
"""

_WARP_ROWS = 16
"""Rows of a product's result that a warp has for itself where there are enough. Where there are not, several warps
share them: attention over blocks of 32 queries in four warps issues 2,180 instructions a turn, in two 1,800.
"""
_PRODUCT_ROWS = 2
"""Of these rows, those of which a thread has columns."""
_RESCALED = 6.0
"""What a group's maximum or sum takes of each thread that has lanes of it, in a turn: it grows, or is rescaled by an
exponential.
"""


def vector(place: Place, moved: Moved, threads: int) -> int:
    """Elements that a thread moves at once."""
    return min(neighbours(place, moved, threads), moved.aligned)


def neighbours(place: Place, moved: Moved, threads: int) -> int:
    """Elements that a thread has beside each other: as many as it could move at once, also where it may not because
    each is masked by itself; none where Triton is told so (:mod:`helion_compiler.program.alignment`).
    """
    if is_alone(moved.beside, place.lanes):
        return 1
    widest = VECTOR // moved.buffer.dtype.itemsize if moved.spacing == 1 else 1
    each = place.elements(moved.shape) // threads
    return max(min(widest, place.lanes(moved.run), each), 1)


def _is_packed(place: Place, moved: Moved) -> bool:
    """Whether rows of the run fill their dimension, so that one follows the other."""
    strides = [place.sizes.example(stride) for stride in moved.buffer.strides]
    following = min((stride for stride in strides if stride > moved.spacing), default=0)
    return 0 < following <= place.useful(moved.run) * moved.spacing


@attrs.frozen
class Spread:
    """How many threads of a warp, and how many warps, share each dimension."""

    place: Place
    in_warp: Mapping[Size, int]
    of_warps: Mapping[Size, int]

    def each(self, shape: Iterable[Size]) -> int:
        """Lanes of a shape that one thread holds."""
        return math.prod(
            max(self.place.lanes(s) // (self.in_warp.get(s, 1) * self.of_warps.get(s, 1)), 1)
            for s in shape
        )


def _spread(moved: Moved, place: Place, warp_size: int) -> Spread:
    """Of what an access moves."""
    others = [size for size in reversed(moved.shape) if size != moved.run]
    run = place.lanes(moved.run) // vector(place, moved, warp_size * place.warps)
    left = {moved.run: max(run, 1), **{size: place.lanes(size) for size in others}}
    in_warp = _dealt(left, warp_size)
    left = {size: lanes // in_warp[size] for size, lanes in left.items()}
    return Spread(place, in_warp, _dealt(left, place.warps))


def _dealt(lanes: Mapping[Size, int], among: int) -> dict[Size, int]:
    """So many threads or warps for the dimensions, one after the other."""
    dealt = {}
    for size, wanted in lanes.items():
        dealt[size] = min(wanted, among)
        among //= dealt[size]
    return dealt


@attrs.frozen
class _Groups:
    """``each``: groups of which a thread has lanes. Their lanes are shared by threads of a warp, and by warps."""

    each: int
    in_warp: int
    of_warps: int


class Gathering:
    """What threads of one grid hold at one point, and its reductions."""

    def __init__(self, work: GridWork, place: Place, warp_size: int) -> None:
        self._work = work
        self._place = place
        self.warp_size = warp_size
        self.threads = warp_size * place.warps

    @cached_property
    def _spreads(self) -> list[tuple[frozenset[Size], Spread]]:
        """Of what each access moves, the most first."""
        place = self._place
        moved = sorted(self._work.moved, key=lambda one: -place.elements(one.shape))
        return [(frozenset(one.shape), _spread(one, place, self.warp_size)) for one in moved]

    def _like(self, shape: Iterable[Size]) -> Spread:
        """How threads share the lanes of the access that a shape has most in common with."""
        sizes = set(shape)
        spreads = (spread for _, spread in self._spreads)
        shared = (len(sizes & known) for known, _ in self._spreads)
        most = max(zip(shared, spreads, strict=True), key=lambda pair: pair[0], default=None)
        return Spread(self._place, {}, {}) if most is None else most[1]

    def each(self, shape: Iterable[Size]) -> int:
        """Lanes of a shape that one thread holds."""
        return self._like(shape).each(shape)

    def lines(self, moved: Moved) -> float:
        """Lines of memory that an instruction of a warp touches."""
        place, itemsize = self._place, moved.buffer.dtype.itemsize
        apart = self._apart(moved)
        beside = min(max(place.lanes(moved.run) // apart, 1), self.warp_size)
        if _is_packed(place, moved):  # what follows a row in the tile follows it in memory
            beside = self.warp_size
        bytes_apart = min(apart * moved.spacing * itemsize, LINE)
        lines = self.warp_size / beside * max(beside * bytes_apart / LINE, 1.0)
        return min(lines, max(place.elements(moved.shape), 1))

    def _apart(self, moved: Moved) -> int:
        """Elements from thread to thread along the run: Triton gives all accesses of one shape the widest vector of any
        of them.
        """
        held = self._held(moved)
        return max(
            neighbours(self._place, other, self.threads)
            for other in self._work.moved
            if other.run == moved.run and self._held(other) == held
        )

    def _held(self, moved: Moved) -> frozenset[Size]:
        """The dimensions of several lanes."""
        return frozenset(size for size in moved.shape if self._place.lanes(size) > 1)

    def is_hoisted(self, computed: Computed) -> bool:
        """Whether a reduction of each turn is done once behind the loop instead."""
        held = self._place.elements(computed.shape) / self.threads
        return computed.hoistable and held <= MOST_REGISTERS

    def times(self, computed: Computed) -> float:
        """How often lanes come together, in one tile."""
        if computed.reduces is None:
            return 0.0
        loops = computed.loops
        return self._place.times(loops[:-1] if self.is_hoisted(computed) else loops)

    def accumulates(self, loops: Loops) -> bool:
        """Whether turns of a loop only add to what each thread holds."""
        return any(self.is_hoisted(one) for one in self._work.computed if one.loops == loops)

    def instructions(self) -> float:
        """Of all threads, in one tile. A row of a product's result lies within four threads, which is left out, or in
        several warps.
        """
        if self._work.multiplied:
            return self.threads * _HANDED_ON * _PRODUCT_ROWS * self.waits_between_warps()
        handed = sum(
            self._handed(one) * self.times(one)
            for one in self._work.computed
            if one.reduces is not None
        )
        return self.threads * (handed + sum(map(self._online, self._rolled)))

    def waits_between_warps(self) -> float:
        """How often warps wait for each other to bring rows of products' results together, in one tile: where there are
        more of them than have rows of their own, several share a row.
        """
        return sum(map(self.times, filter(self._is_shared, self._work.computed)))

    def _is_shared(self, computed: Computed) -> bool:
        if computed.reduces is None or self.is_hoisted(computed):
            return False
        if not any(
            set(product.results) <= set(computed.shape) for product in self._work.multiplied
        ):
            return False
        others = tuple(size for size in computed.shape if size != computed.reduces)
        rows = self._place.elements(others)
        return self._place.warps > max(rows // _WARP_ROWS, 1)

    @cached_property
    def _rolled(self) -> list[Online]:
        """Where a row is not walked in steps, there are no groups."""
        return [one for one in self._work.online if self._place.step(one.size) is not None]

    def online_registers(self) -> float:
        """Of each thread, for the maxima and sums of groups of lanes that rows of the tile have."""
        return sum(self._groups(one).each * one.reductions for one in self._rolled)

    def online_waits(self) -> float:
        """How often warps wait for each other to bring groups together, in one tile."""
        apart = [one for one in self._rolled if self._groups(one).of_warps > 1]
        return sum(one.reductions * self._steps(one) for one in apart)

    def _online(self, one: Online) -> float:
        """What each thread does, in one tile, to bring groups together and to rescale their sums."""
        groups = self._groups(one)
        steps = _SHUFFLED * math.log2(groups.in_warp)
        between = _HANDED_ON if groups.of_warps > 1 else 0.0
        each = one.reductions * (steps + between + _RESCALED)
        return groups.each * each * self._steps(one)

    def _steps(self, one: Online) -> float:
        return self._place.times(one.loops) * self._place.steps(one.shape)

    def _groups(self, one: Online) -> _Groups:
        """How the groups of a step lie in threads."""
        spread = self._like(one.shape)
        members = min(self._place.lanes(one.size), one.members)
        in_warp = min(spread.in_warp.get(one.size, 1), members)
        of_warps = min(spread.of_warps.get(one.size, 1), members // in_warp)
        own = members // (in_warp * of_warps)
        return _Groups(max(spread.each(one.shape) // own, 1), in_warp, of_warps)

    def _handed(self, computed: Computed) -> float:
        """What each thread does for one reduction."""
        size = computed.reduces
        assert size is not None
        spread = self._like(computed.shape)
        results = spread.each(other for other in computed.shape if other != size)
        steps = _SHUFFLED * math.log2(spread.in_warp.get(size, 1))
        between = _HANDED_ON if spread.of_warps.get(size, 1) > 1 else 0.0
        return results * (steps + between)
