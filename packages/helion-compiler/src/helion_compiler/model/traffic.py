"""What one grid moves at one point: bytes that pass caches and memory, bytes asked for at once, instructions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import attrs

from helion_compiler.model.gathering import LINE, neighbours, vector
from helion_compiler.model.pipelining import stages_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from helion_compiler.model.devices import DeviceFacts
    from helion_compiler.model.gathering import Gathering
    from helion_compiler.model.place import Place
    from helion_compiler.model.work import GridWork, Moved

_SECTOR = 32
"""Bytes that memory moves at least."""
_ATOMIC = 8
"""How many times the traffic of a store an atomic is for the cache."""
NEAR = 0.4
"""The latency of caches, as a share of that of memory."""
_KEPT = 0.3
"""As long as what programs read again takes up no more of the cache than this, all of it stays; from there on less and
less, beside what streams through."""
_KEPT_NEARBY = 0.5
"""The same for the cache of a multiprocessor, through which less streams meanwhile."""
_MOST_IN_FLIGHT = 1 << 16
_FREE_LOADS = 8
"""Loads that a thread has in flight where nothing keeps them apart: a loop is unrolled until registers are short."""
_GUARDED_LOADS = 2
"""Loads in flight, at least, of a thread that only adds up lanes of which data says whether they exist: ptxas lets the
registers of some take turns, two where there are four of them, half of more. Lanes that come together in each turn are
all loaded before.
"""


@attrs.frozen
class Total:
    """Of all tiles together, but ``in_flight``, which is what one program asks for at once."""

    cache: float
    memory: float
    in_flight: float
    instructions: float


class Traffic:
    """What the tiles of a grid move: ``tiles`` of them."""

    def __init__(
        self,
        work: GridWork,
        place: Place,
        facts: DeviceFacts,
        tiles: float,
        gathering: Gathering,
    ) -> None:
        self._work = work
        self._place = place
        self._facts = facts
        self._threads = gathering.threads
        self._tiles = tiles
        self._gathering = gathering
        self._shared: dict[tuple[Moved, bool], bool] = {}

    def total(self, resident: int) -> Total:
        """Where so many programs share a multiprocessor."""
        by_buffer: dict[tuple[int, bool], float] = {}
        cache = instructions = in_flight = 0.0
        for moved in self._work.moved:
            times = (
                self._place.times(moved.loops)
                * self._place.repeats(moved.shape, moved.repeats)
                * self._tiles
            )
            moves = self._bytes(moved) * times
            far = moves * self._missing(moved, resident)
            cache += far * self._pieces(moved) * (_ATOMIC if moved.atomic else 1)
            key = (moved.buffer.number, moved.reads)
            by_buffer[key] = by_buffer.get(key, 0.0) + far
            instructions += self._instructions(moved) * times
            in_flight += self._in_flight(moved) if moved.reads else 0.0
        memory = self._from_memory(by_buffer, resident)
        return Total(cache, memory, max(in_flight, 64.0), instructions)

    def least(self) -> float:
        """Bytes that memory moves at least: of each buffer what tiles read or write of it, once."""
        by_buffer: dict[tuple[int, bool], float] = {}
        for moved in self._work.moved:
            key = (moved.buffer.number, moved.reads)
            by_buffer[key] = by_buffer.get(key, 0.0) + self._useful(moved) * self._tiles
        return sum(min(moved, self._size(number)) for (number, _), moved in by_buffer.items())

    def _useful(self, moved: Moved) -> float:
        """Bytes of the elements that one tile moves."""
        elements = math.prod(map(self._place.useful, moved.shape))
        return elements * moved.buffer.dtype.itemsize * self._place.times(moved.loops)

    def stages(self, moved: Moved) -> int:
        """Turns that are loaded ahead, with the one that runs."""
        return stages_of(moved, self._place, self._threads)

    def rounds(self, moved: Moved) -> float:
        """How often a thread waits for memory in one turn, where nothing is loaded ahead: a share of a time where
        loads of several turns are in flight together.
        """
        each = self._place.elements(moved.shape) / self._threads * moved.buffer.dtype.itemsize
        return each / self._free(moved)

    def distance(self, moved: Moved, resident: int) -> float:
        """The share of memory's latency that a first reading waits: less of what an earlier loop of the tile has left
        in a cache.
        """
        if self.is_shared(moved):
            return NEAR
        walked = self._walked(moved)
        if not any(self._walked(one) >= walked for one in self._earlier(moved)):
            return 1.0
        running = min(self._tiles, resident * self._facts.multiprocessors)
        gone = _gone(walked * running / self._facts.cache, _KEPT)
        return NEAR + (1.0 - NEAR) * gone

    def _earlier(self, moved: Moved) -> Iterator[Moved]:
        """The readings of the same buffer in loops before that of a reading."""
        for one in self._work.moved:
            if one is moved:
                return
            if one.reads and one.buffer is moved.buffer and one.loops != moved.loops:
                yield one

    def _missing(self, moved: Moved, resident: int) -> float:
        """The share of what is read that a multiprocessor's own cache does not have from the reading before, by this
        tile or by another one.
        """
        if not moved.reads or moved.staged:
            return 1.0
        walked = self._walked(moved) * resident
        readings = self._place.repeats(moved.shape, moved.repeats)
        again = (readings - 1) / readings
        if self.is_shared(moved, wholly=True):
            # Of its readers, how many are on this multiprocessor.
            readers = self._useful(moved) * self._tiles / self._size(moved.buffer.number)
            again = max(again, min(readers / self._facts.multiprocessors, 1.0))
            walked = sum(
                self._walked(one) * (1 if self.is_shared(one, wholly=True) else resident)
                for one in self._work.moved
                if one.reads
            )
        return 1.0 - again * (1.0 - _gone(walked / self._facts.own_cache, _KEPT_NEARBY))

    def _walked(self, moved: Moved) -> float:
        """Bytes that one tile finds in different places."""
        return self._bytes(moved) * self._place.times(moved.loops)

    def is_shared(self, moved: Moved, *, wholly: bool = False) -> bool:
        """Whether other tiles read the same, so that caches have it; ``wholly``: the same elements, not just others in
        the same sectors, which tiles beside it read on other multiprocessors.
        """
        found = self._shared.get((moved, wholly))
        if found is None:
            found = self._shared[moved, wholly] = self._is_shared(moved, wholly=wholly)
        return found

    def _is_shared(self, moved: Moved, *, wholly: bool) -> bool:
        walked = self._useful(moved) if wholly else self._walked(moved)
        return walked * self._tiles > 2 * self._size(moved.buffer.number)

    def _in_flight(self, moved: Moved) -> float:
        turn = self._bytes(moved) / self._place.steps(moved.shape)
        ahead = self.stages(moved)
        if ahead > 1 or moved.ahead:
            return min(turn * ahead, _MOST_IN_FLIGHT)
        asked = self._threads * self._free(moved) * self._whole_sectors(moved)
        if moved.guarded:
            return min(turn, asked)
        turns = self._place.steps(moved.shape) * self._place.times(moved.loops)
        return min(turn * turns, asked, _MOST_IN_FLIGHT)

    def _from_memory(self, by_buffer: Mapping[tuple[int, bool], float], resident: int) -> float:
        """Bytes that memory moves: everything once, and again what does not stay in the cache in between."""
        total = 0.0
        cache = self._facts.cache
        running = min(self._tiles, resident * self._facts.multiprocessors)
        for (number, _), moved in by_buffer.items():
            once = min(moved, self._size(number))
            at_once = once / self._tiles * running
            again = once > cache / 2 and not self._work.multiplied
            gone = _gone(at_once / cache, _KEPT) if again else 0.0
            total += once + (moved - once) * gone
        return total

    def _size(self, number: int) -> float:
        """Bytes of a buffer; without end where block sizes decide: each program's part is its own."""
        buffer = next(moved.buffer for moved in self._work.moved if moved.buffer.number == number)
        if any(map(self._place.sizes.varies, buffer.shape)):
            return math.inf
        elements = math.prod(map(self._place.sizes.example, buffer.shape))
        return max(elements, 1) * buffer.dtype.itemsize

    def _free(self, moved: Moved) -> float:
        """Bytes that a thread has in flight of a load that is not asked for ahead."""
        loads: float = _FREE_LOADS
        if moved.guarded and self._gathering.accumulates(moved.loops):
            each = self._place.elements(moved.shape) / self._threads / self._vector(moved)
            loads = max(_GUARDED_LOADS, each / 2)
        return loads * self._vector(moved) * moved.buffer.dtype.itemsize

    def _pieces(self, moved: Moved) -> float:
        """In how many pieces the cache gets each sector that is written: a thread's neighbours come one after the other
        where it may not move them at once.
        """
        if moved.reads:
            return 1.0
        return neighbours(self._place, moved, self._threads) / self._vector(moved)

    def _strewn(self, moved: Moved) -> float:
        """What each element takes of the way to memory, in the time of operations, where a warp's lanes lie apart: each
        instruction touches more lines than it moves bytes for, and a line passes in the time of 128 operations.
        """
        lines = self._gathering.lines(moved)
        vector = self._vector(moved)
        moves = self._gathering.warp_size * vector * moved.buffer.dtype.itemsize
        if lines * LINE <= max(moves, LINE):
            return 0.0
        return LINE * lines / (self._gathering.warp_size * vector)

    def _vector(self, moved: Moved) -> int:
        return vector(self._place, moved, self._threads)

    def _instructions(self, moved: Moved) -> float:
        """Operations for addresses, masks and moves of one turn."""
        elements = self._place.elements(moved.shape)
        of_threads = max(elements, self._threads)
        # Threads that have the same elements all read them, but one of them copies them to shared memory.
        looked_up = elements if moved.reads and self.stages(moved) > 1 else of_threads
        each = 0.5 + 8.0 / self._vector(moved)
        passing = max(of_threads * each, looked_up * self._strewn(moved))
        return self._place.steps(moved.shape) * passing

    def _bytes(self, moved: Moved) -> float:
        """What one turn moves, of all turns of rolled dimensions: indices that exist, in whole sectors."""
        elements = math.prod(map(self._place.useful, moved.shape))
        return elements * moved.buffer.dtype.itemsize * self._whole_sectors(moved)

    def _whole_sectors(self, moved: Moved) -> float:
        """How many bytes come for each that is asked for."""
        itemsize = moved.buffer.dtype.itemsize
        apart = min(moved.spacing * itemsize, _SECTOR)
        return max(_SECTOR / self._place.useful(moved.run), apart) / itemsize


def _gone(filled: float, kept: float) -> float:
    """The share of what fills so much of a cache that has left it when it is read again."""
    return min(max((filled - kept) / (1.0 - kept), 0.0), 1.0)
