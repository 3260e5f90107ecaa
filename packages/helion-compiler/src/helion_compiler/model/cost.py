"""How long a Program takes at a point, to first order: the slowest of what memory, caches, matrix units, lanes and
waiting would take by themselves, and a share of the rest, since they overlap well but not wholly.

The terms are those of roofline models (Williams, Waterman and Patterson, 2009), with bytes in flight by Little's law
for memory, and with the padding, idle multiprocessors and spilled registers that a choice of tiles brings about. The
constants below were fitted to kernels of the gallery on an H200.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from helion_compiler.model.place import Place, Sizes
from helion_compiler.model.work import work_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helion_compiler.model.devices import DeviceFacts
    from helion_compiler.model.place import Lanes
    from helion_compiler.model.work import GridWork, Loops, Moved
    from helion_compiler.program.program import Program

_OVERLAP = 0.12
"""The share of what is not slowest that is not hidden behind it."""
_TURNS_EXPOSED = 0.4
"""The same for a program by itself whose loop loads nothing ahead: memory still has several turns' stores to do."""
_LAUNCH = 2e-6
_TURN = 0.2e-6
"""Seconds that a turn of a loop takes, however little it does, for what cannot overlap within a program."""
_PRODUCT_TURN = 0.15e-6
"""The same for a loop with products, whose turns wait for each other at every depth of the pipeline."""
_STEP = 0.25e-6
"""Seconds that a reduction across the warps of a program takes."""
_OWN_REGISTERS = 40
"""Registers of a thread for addresses and the like."""
_MOST_REGISTERS = 255
_SECTOR = 32
"""Bytes that memory moves at least."""
_VECTOR = 16
"""Bytes that a thread moves at most in one instruction."""
_ATOMIC = 8
"""How many times the traffic of a store an atomic is for the cache."""
_KEPT = 0.6
"""The share of the cache that holds what programs read again, beside what streams through it."""
_MOST_IN_FLIGHT = 1 << 16
_GROUP = 4
_GROUP_ROWS = 64
"""Four warps multiply 64 rows at once (warp group products, of Hopper)."""
_FULL_TILE = 51.2
"""``m n / (m + n)`` of a group's tile of 64 by 256: with it, matrix units wait for nothing."""
_PIPELINED = (0.55, 0.8, 0.95, 1.0)
"""The share of matrix units' rate that one, two, three and more stages reach, of all programs together."""
_ALONE = 0.5
"""The share of what is computed between products that the only program of a multiprocessor waits for."""


class CostModel:
    """Estimates for one Program on one GPU."""

    def __init__(self, program: Program, lanes: Lanes, facts: DeviceFacts) -> None:
        self._program = program
        self._facts = facts
        self._sizes = Sizes(program, lanes)
        self._work = work_of(program)

    def seconds(self, point: Mapping[str, Any]) -> float:
        """The estimate at a point."""
        return _LAUNCH + sum(estimate.seconds() for estimate in self._estimates(point))

    def terms(self, point: Mapping[str, Any]) -> dict[str, float]:
        """What the estimate is made of: the seconds that each part of the GPU would take by itself."""
        total: Counter[str] = Counter()
        for estimate in self._estimates(point):
            total.update(estimate.terms())
        return dict(total)

    def _estimates(self, point: Mapping[str, Any]) -> list[_Estimate]:
        place = Place(self._sizes, point)
        return [_Estimate(work, place, self._facts) for work in self._work]


class _Estimate:
    """The estimate of one grid at one point."""

    def __init__(self, work: GridWork, place: Place, facts: DeviceFacts) -> None:
        self._work = work
        self._place = place
        self._facts = facts
        self._tiles = math.prod(map(place.count, work.grid.axes))
        self._threads = facts.warp_size * place.warps
        self._share = math.ceil(self._tiles / facts.multiprocessors)
        self._own = _OWN_REGISTERS + self._registers() / self._threads
        self._resident = min(self._together(self._own), self._share)

    def seconds(self) -> float:
        """The slowest part, and some of the others."""
        times = self.terms().values()
        slowest = max(times)
        return slowest + self._exposed(self._resident) * (sum(times) - slowest)

    def terms(self) -> dict[str, float]:
        """What each part would take by itself."""
        facts, share, resident = self._facts, self._share, self._resident
        spilled = max(self._own / self._most_registers(), 1.0) ** 2
        idle = share * facts.multiprocessors / self._tiles
        busy = min(2 * self._tiles / facts.multiprocessors, 1.0)  # half of them saturate memory
        cache, memory, in_flight, lanes = self._moved(resident)
        needed = facts.bandwidth / facts.multiprocessors * facts.latency
        reach = min(resident * in_flight / needed, 1.0) * busy
        awake = min(resident * self._place.warps / 8, 1.0)
        products = self._products(resident) * idle * spilled
        computed = (lanes + self._operations()) / facts.operations / awake * idle * spilled
        if resident == 1 and self._work.multiplied:
            # Nobody multiplies while the only program computes, but for warps that are behind the others.
            products += _ALONE * self._operations() / facts.operations * idle
        return {
            "memory": memory / (facts.bandwidth * reach),
            "cache": cache / (facts.cache_bandwidth * busy),
            "products": products,
            "computed": computed,
            "waiting": share / resident * self._waiting(),
        }

    def _exposed(self, resident: int) -> float:
        """The share of what is not slowest that is not hidden behind it, where so many programs share a
        multiprocessor.

        A program that loads nothing ahead computes when its loads have come; only others could, meanwhile.
        """
        loads = [moved for moved in self._work.moved if moved.reads]
        if any(self._stages(moved) > 1 or self._place.steps(moved.shape) > 1 for moved in loads):
            return _OVERLAP
        if any(moved.loops for moved in loads):
            return max(_OVERLAP, _TURNS_EXPOSED / resident)
        return 1.0 if resident == 1 else _OVERLAP

    def _stages(self, moved: Moved) -> int:
        """Turns that are loaded ahead, with the one that runs: Triton pipelines loads for products, and others only
        where a loop is told to.
        """
        if moved.ahead or self._place.steps(moved.shape) > 1:
            return self._place.stages
        return self._place.own_stages(moved.loops[-1]) if moved.loops else 1

    def _most_registers(self) -> float:
        """Registers that a thread can have."""
        return min(_MOST_REGISTERS, self._facts.limits.registers / self._threads)

    def _together(self, registers: float) -> int:
        """Programs that one multiprocessor runs at once."""
        limits = self._facts.limits
        return max(
            min(
                limits.threads // self._threads,
                int(limits.registers / (min(registers, self._most_registers()) * self._threads)),
                int(limits.shared_memory / max(self._shared(), 1)),
                limits.programs,
            ),
            1,
        )

    def _moved(self, resident: int) -> tuple[float, float, float, float]:
        """Bytes that pass the cache and the memory, bytes that one program asks for at once, and instructions."""
        place, tiles = self._place, self._tiles
        by_buffer: dict[tuple[int, bool], float] = {}
        cache = lanes = in_flight = 0.0
        for moved in self._work.moved:
            passes = self._passes(moved)
            times = place.times(moved.loops)
            per_turn = self._bytes(moved)
            total = per_turn * times * passes * tiles
            cache += total * (_ATOMIC if moved.atomic else 1)
            key = (moved.buffer.number, moved.reads)
            by_buffer[key] = by_buffer.get(key, 0.0) + total
            lanes += self._instructions(moved) * times * passes * tiles
            if moved.reads:
                turn = per_turn / place.steps(moved.shape)
                in_flight += min(turn * self._stages(moved), _MOST_IN_FLIGHT)
        return cache, self._from_memory(by_buffer, resident), max(in_flight, 64.0), lanes

    def _from_memory(self, by_buffer: Mapping[tuple[int, bool], float], resident: int) -> float:
        """Bytes that memory moves: everything once, and again what does not stay in the cache in between."""
        total = 0.0
        running = min(self._tiles, resident * self._facts.multiprocessors)
        for (number, _), moved in by_buffer.items():
            once = min(moved, self._size(number))
            at_once = once / self._tiles * running
            stays = once <= self._facts.cache / 2 or at_once <= self._facts.cache * _KEPT
            total += once if stays or self._work.multiplied else moved
        return total

    def _size(self, number: int) -> float:
        """Bytes of a buffer."""
        buffer = next(moved.buffer for moved in self._work.moved if moved.buffer.number == number)
        elements = math.prod(map(self._place.sizes.example, buffer.shape))
        return max(elements, 1) * buffer.dtype.itemsize

    def _products(self, resident: int) -> float:
        """Seconds of the matrix units, where so many programs share a multiprocessor."""
        total = 0.0
        place = self._place
        for product in self._work.multiplied:
            batch = place.elements(product.batch)
            m, k, n = (max(place.lanes(size), 16) for size in product.sizes)
            groups = max(place.warps // _GROUP, 1)
            rows = min(m, _GROUP_ROWS)
            columns = min(m * n / (groups * rows), n)
            full = min(rows * columns / (rows + columns) / _FULL_TILE, 1.0)
            full *= 0.75 + 0.25 * min(k / 64, 1.0)
            if batch > 1 or m < _GROUP_ROWS or place.warps < _GROUP:
                full *= 0.5  # not the asynchronous products of whole warp groups
            rate = self._facts.products.get(product.itemsize, self._facts.operations)
            turns = place.stages * resident if place.stages > 1 else 1
            rate *= full * _PIPELINED[min(turns, len(_PIPELINED)) - 1]
            total += 2.0 * batch * m * n * k * place.times(product.loops) * self._tiles / rate
        return total

    def _operations(self) -> float:
        place = self._place
        return self._tiles * sum(
            place.elements(computed.shape)
            * place.steps(computed.shape)
            * computed.operations
            * place.times(computed.loops)
            for computed in self._work.computed
        )

    def _waiting(self) -> float:
        """Seconds for which one tile waits on itself: turns that do not overlap, warps on each other, memory."""
        place = self._place
        stages: dict[Loops, int] = {}
        for moved in self._work.moved:
            if moved.loops:
                stages[moved.loops] = max(stages.get(moved.loops, 1), self._stages(moved))
        total = sum(place.times(loops) / min(ahead, 4) for loops, ahead in stages.items())
        rolled = [place.steps(moved.shape) * self._passes(moved) for moved in self._work.moved]
        total += max((count for count in rolled if count > 1), default=0) / min(place.stages, 4)
        multiplied = {product.loops for product in self._work.multiplied if product.loops}
        products = sum(place.times(loops) for loops in multiplied)
        across = 0
        if place.warps > 1:
            across = sum(
                place.times(computed.loops)
                for computed in self._work.computed
                if computed.reduces is not None
            )
            # What is loaded ahead passes shared memory, for which warps wait for each other.
            across += sum(
                place.times(loops)
                for loops, ahead in stages.items()
                if ahead > 1 and loops not in multiplied
            )
        waiting = total * _TURN + products * _PRODUCT_TURN
        return waiting + across * _STEP + 2 * self._facts.latency

    def _registers(self) -> float:
        """32-bit registers of all threads together, where most values are held."""
        place = self._place
        return (
            max(
                (
                    sum(place.elements(v.type.shape) * v.type.dtype.itemsize for v in values)
                    for values in self._work.held
                ),
                default=0,
            )
            / 4
        )

    def _shared(self) -> float:
        """Bytes of shared memory of one program: loops that follow each other use the same ones."""
        place = self._place
        by_loop: dict[Loops, float] = {(): 0.0}
        for moved in self._work.moved:
            if moved.staged:
                copies = place.stages if moved.ahead else 1
                size = place.elements(moved.shape) * moved.buffer.dtype.itemsize * copies
                outermost = moved.loops[:1]
                by_loop[outermost] = by_loop.get(outermost, 0.0) + size
        around = by_loop.pop(())
        return around + max(by_loop.values(), default=0.0)

    def _instructions(self, moved: Moved) -> float:
        """Operations for addresses, masks and moves of one turn."""
        place = self._place
        elements = place.elements(moved.shape)
        widest = _VECTOR // moved.buffer.dtype.itemsize
        vector = max(min(widest, place.lanes(moved.run), elements // self._threads), 1)
        return place.steps(moved.shape) * max(elements, self._threads) * (0.5 + 8.0 / vector)

    def _bytes(self, moved: Moved) -> float:
        """What one turn moves, of all turns of rolled dimensions: indices that exist, in whole sectors."""
        itemsize = moved.buffer.dtype.itemsize
        run = self._place.useful(moved.run) * itemsize
        elements = math.prod(map(self._place.useful, moved.shape))
        return elements * itemsize * max(_SECTOR / run, 1.0)

    def _passes(self, moved: Moved) -> int:
        """How often a rolled dimension is walked again, for each reduction and for what follows the last."""
        if not moved.reads:
            return 1
        rolled = [size for size in moved.shape if self._place.step(size) is not None]
        return max((self._work.loops_of_rolling.get(size, 1) for size in rolled), default=1)
