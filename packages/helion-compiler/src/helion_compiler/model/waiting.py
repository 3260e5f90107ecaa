"""How long a tile takes by itself: what its own memory accesses, turns and warps make it wait for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from helion_compiler.model.forming import passed
from helion_compiler.model.traffic import NEAR

if TYPE_CHECKING:
    from helion_compiler.model.devices import DeviceFacts
    from helion_compiler.model.gathering import Gathering
    from helion_compiler.model.nesting import Loops
    from helion_compiler.model.place import Place
    from helion_compiler.model.traffic import Traffic
    from helion_compiler.model.work import GridWork, Moved, Multiplied

_TURN = 0.1e-6
"""Seconds that a turn of a loop takes, however little it does, for what cannot overlap within a program."""
_PRODUCT_TURN = 0.15e-6
"""The same for a loop with products, whose turns wait for each other at every depth of the pipeline."""
_STEP = 0.08e-6
"""Seconds that warps of a program take to wait for each other, as in reductions across them, for each doubling."""
_BEGINNING = 0.3e-6
"""Seconds until a program does anything, after the one before it has ended."""


class Waiting:
    """Of one tile of a grid."""

    def __init__(
        self,
        work: GridWork,
        place: Place,
        facts: DeviceFacts,
        traffic: Traffic,
        gathering: Gathering,
        resident: int,
    ) -> None:
        self._work = work
        self._place = place
        self._resident = resident
        self._facts = facts
        self._latency = facts.latency
        self._traffic = traffic
        self._gathering = gathering

    def seconds(self) -> float:
        """The latencies of a tile, one after the other."""
        by_loops: dict[Loops, list[Moved]] = {}
        for moved in self._work.moved:
            if moved.reads:
                by_loops.setdefault(moved.loops, []).append(moved)
        multiplied = {product.loops for product in self._work.multiplied if product.loops}
        total = sum(self._loads(loops, reads) for loops, reads in by_loops.items())
        total += _PRODUCT_TURN * sum(map(self._place.times, multiplied))
        total += sum(map(self._forming, self._work.multiplied))
        return total + self._reductions() + _BEGINNING

    def _loads(self, loops: Loops, reads: list[Moved]) -> float:
        """What the loads of one loop, or of none, wait for memory, and for each other."""
        place, latency = self._place, self._latency
        times, begun = place.times(loops), min(place.times(loops[:-1]), 1.0)
        total = 0.0
        if any(moved.ahead for moved in reads):
            # While a turn computes, what the next ones multiply is on its way; the first waits for all of it.
            deep = min(place.stages_in(loops), max(math.ceil(place.times(loops[-1:])), 1))
            apart = latency / max(deep - 1, 1) - self._computing(loops) - self._chained(loops)
            total = latency * begun + max(times - begun, 0) * max(apart, 0.0)
        pooled = guarded = farthest = turns = 0.0
        for moved in reads:
            steps = place.steps(moved.shape) * place.repeats(moved.shape, moved.repeats)
            stages = self._traffic.stages(moved)
            if moved.ahead or (moved.formed and stages > 1):
                continue
            if stages > 1:
                total = max(total, self._pipelined(moved, stages, steps))
                continue
            first = self._traffic.distance(moved, self._resident)
            if moved.guarded:
                guarded += self._traffic.rounds(moved)
                farthest = max(farthest, first)
            else:
                far = first + (place.repeats(moved.shape, moved.repeats) - 1) * NEAR
                pooled += place.steps(moved.shape) * self._traffic.rounds(moved) * times * far
                turns = max(turns, steps * times)
        if turns:
            # Loads come neither before warps have waited for each other nor before what is stored, which may be theirs.
            apart = self._gathers(loops) or self._stores(loops)
            pooled = max(pooled, times if apart else min(times, 1.0))
        # Loads of one turn are in flight together, whichever lanes they are of.
        pooled = max(pooled, times * math.ceil(guarded) * farthest)
        return total + latency * pooled + (_TURN * turns if turns > 1 else 0.0)

    def _pipelined(self, moved: Moved, stages: int, steps: int) -> float:
        """What loads of a tile wait that are asked for ahead: whole latencies in first turns, where nothing was, and
        for other warps in each, since they pass shared memory.
        """
        place = self._place
        turns = place.times(moved.loops) * steps
        walks = turns / max(steps, place.times(moved.loops[-1:]))
        latency = self._latency * self._traffic.distance(moved, self._resident)
        apart = walks + (turns - walks) / (stages - 1)
        return latency * apart + turns * _STEP * math.log2(place.warps)

    def _forming(self, product: Multiplied) -> float:
        """What warps wait for each other to put computed factors into shared memory, where products take them from."""
        place = self._place
        passes = sum(passed(product, place))
        # Until it is there, and before, until the one before has been read: in a chain it has been.
        waits = 1 if product.chained else 2
        return waits * passes * _STEP * math.log2(place.warps) * place.times(product.loops)

    def _chained(self, loops: Loops) -> float:
        """Seconds of one turn that products of a chain wait for each other: loads are on their way meanwhile."""
        products = [one for one in self._work.multiplied if one.loops == loops and one.chained]
        waits = sum(map(self._forming, products)) / self._place.times(loops)
        return waits + _PRODUCT_TURN if products else 0.0

    def _computing(self, loops: Loops) -> float:
        """Seconds that one turn computes, with the whole multiprocessor to itself."""
        place = self._place
        operations = sum(
            place.elements(computed.shape) * computed.operations
            for computed in self._work.computed
            if computed.loops == loops
        )
        return operations * self._facts.multiprocessors / self._facts.operations

    def _reductions(self) -> float:
        """What warps wait for each other."""
        step = _STEP * math.log2(self._place.warps)
        if self._work.multiplied:
            return step * self._gathering.waits_between_warps()
        if self._place.warps == 1:
            return 0.0
        waits = sum(map(self._gathering.times, self._work.computed))
        return step * (waits + self._gathering.online_waits())

    def _stores(self, loops: Loops) -> bool:
        """Whether each turn writes to memory."""
        return any(not moved.reads and moved.loops == loops for moved in self._work.moved)

    def _gathers(self, loops: Loops) -> bool:
        """Whether each turn has a reduction of its own."""
        return self._place.warps > 1 and any(
            computed.reduces is not None
            and computed.loops == loops
            and self._gathering.times(computed) == self._place.times(loops)
            for computed in self._work.computed
        )
