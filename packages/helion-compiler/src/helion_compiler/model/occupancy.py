"""How many programs a multiprocessor runs at once, by what each takes: threads, registers, shared memory."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from helion_compiler.model.forming import passed_bytes
from helion_compiler.model.gathering import vector
from helion_compiler.model.nesting import loops_alone
from helion_compiler.model.pipelining import stages_of
from helion_compiler.scheduling.hoist_reductions import MOST_REGISTERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from helion_compiler.model.devices import DeviceFacts
    from helion_compiler.model.gathering import Gathering
    from helion_compiler.model.nesting import Loops
    from helion_compiler.model.place import Place
    from helion_compiler.model.work import GridWork, Held, Moved
    from helion_compiler.program.types import Value

_OWN_REGISTERS = 14
"""Registers of a thread for addresses and the like."""
_OF_PRODUCTS = 26
"""More of them where there are products, whose loops have several buffers to count through."""
_BETWEEN = 0.21
"""What more is taken of what is held, for each byte of a factor up to two, where products multiply what others result
in: what becomes of a result is held beside it. Counted for sm_90: attention, ragged attention, and attention of float8,
in tiles of 16 to 128 keys.
"""
_ROOM = 1.13
"""Of such registers, how many times as many as there are ptxas finds room for: it computes something again."""
_OF_GUARDED = 10
"""More of them where data says which lanes are read: each row has an address and a condition of its own."""
_EARLY = 0.75
"""The share of what is loaded until lanes come together again that is in registers at once: some is used by then."""
_OF_LONE = 2.0
"""Registers of each lane that is moved by itself, in the turn that moves it: addresses and values, of which some take
turns.
"""
_NUMBERED = 1.0
"""The same in all turns of all loops, for its place in the tile: ptxas computes those once, before the first loop.
Counted for sm_90: blocks of 1024 and 2048 take 80 registers of each of 128 threads, two of 1024 take 38.
"""
_OF_COPIES = 4
"""Registers for a copy to shared memory that data masks: an address, a place and a condition."""
_SUMMED = 4
"""Bytes in which products are summed at least: threads have the sums in registers until they round them."""
_MOST_REGISTERS = 255
_REGISTER = 4
"""Bytes."""
_ALLOCATED = 8
"""Registers of a thread are given out in pieces of so many."""


class Occupancy:
    """What the programs of one grid take at one point."""

    def __init__(
        self, work: GridWork, place: Place, facts: DeviceFacts, gathering: Gathering
    ) -> None:
        self._work = work
        self._place = place
        self._gathering = gathering
        self._limits = facts.limits
        most = place.point.get("maxnreg") or _MOST_REGISTERS
        self._most = min(most, self._limits.registers / self._gathering.threads)
        fed = [min(one.itemsize, 2) for one in work.multiplied if one.fed]
        feeds = bool(fed)
        more = 1.0 + _BETWEEN * max(fed, default=0)
        own: float = _OWN_REGISTERS + (_OF_PRODUCTS if work.multiplied and not feeds else 0)
        own += _OF_GUARDED * any(one.guarded and not self._is_lone(one) for one in work.moved)
        own += _NUMBERED * self._numbered() + gathering.online_registers()
        reads = {moved.result: moved for moved in work.moved if moved.reads}
        together = [one for one in work.held if one.is_held(place.lanes)]
        values = [self._as_loaded(one.values) for one in together]
        coming = [
            [reads[value] for value in one.coming - (held - one.values)]
            for one, held in zip(together, values, strict=True)
        ]
        held = [
            own + more * self._whole(one, kept) + sum(map(self._copied, loads))
            for one, kept, loads in zip(together, values, coming, strict=True)
        ]
        early = [self._early(loads) for loads in coming]
        self._needed = max(held, default=own)
        self._room = _ROOM if feeds else 1.0
        self._excess: dict[Loops, float] = {}
        for one, registers in zip(together, held, strict=True):
            excess = max(registers - self._most * self._room, 0.0)
            self._excess[one.loops] = max(excess, self._excess.get(one.loops, 0.0))
        self.used = max(map(sum, zip(held, early, strict=True)), default=own)

    @property
    def spilled(self) -> float:
        """How many times the registers that a thread may have it would need; 1 where they are enough.

        What is loaded early takes registers that are free, and none that are not.
        """
        return max(self._needed / (self._most * self._room), 1.0)

    @property
    def spilled_bytes(self) -> float:
        """What one tile writes to memory and reads again for want of registers, in every turn of the loops that hold
        too much.
        """
        moved = sum(excess * self._place.times(loops) for loops, excess in self._excess.items())
        return 2 * _REGISTER * self._gathering.threads * moved

    def together(self) -> int:
        """Programs that one multiprocessor runs at once."""
        limits = self._limits
        registers = _ALLOCATED * math.ceil(min(self.used, self._most) / _ALLOCATED)
        fit = (
            limits.threads // self._gathering.threads,
            limits.registers // (registers * self._gathering.threads),
            int(limits.shared_memory / max(self._shared(), 1)),
            limits.programs,
            limits.programs if self._place.staying is None else self._place.staying,
        )
        return max(min(fit), 1)

    def _as_loaded(self, values: frozenset[Value]) -> frozenset[Value]:
        """Values, but for those that are computed anew what they are computed from."""
        renewed = self._place.renewed
        if not renewed:
            return values
        anew = [value for value in values if not renewed.isdisjoint(value.type.shape)]
        return values.difference(anew).union(*(self._work.sources[value] for value in anew))

    def _whole(self, held: Held, kept: Iterable[Value]) -> float:
        """The same of what is held whole: ``kept`` of its values, or of what they are computed from."""
        registers = self._each(kept) + self._taken(held.taken)
        if held.product is None or held.product not in held.values:
            return registers
        size = held.product.type.dtype.itemsize
        return registers + self._each([held.product]) * (max(_SUMMED / size, 1.0) - 1.0)

    def _each(self, values: Iterable[Value]) -> float:
        """32-bit registers that values take of each thread."""
        if self._work.multiplied:  # products lie in threads in ways of their own
            elements = self._place.elements
            size = sum(elements(v.type.shape) * v.type.dtype.itemsize for v in values)
            return size / 4 / self._gathering.threads
        each = self._gathering.each
        return sum(each(v.type.shape) * v.type.dtype.itemsize for v in values) / 4

    def _early(self, loads: Sequence[Moved]) -> float:
        """The same of what is loaded before it is needed, of which some is used by then.

        Lanes that come one by one have addresses of their own, which loads of one turn share.
        """
        lone = [self._gathering.each(moved.shape) for moved in loads if self._is_lone(moved)]
        coming = sum(self._coming(moved) for moved in loads if not self._is_lone(moved))
        return _EARLY * coming + _OF_LONE * max(lone, default=0)

    def _coming(self, moved: Moved) -> float:
        """Few are in flight at once of lanes that data masks."""
        if moved.guarded or moved.result is None:
            return 0.0
        return self._each([moved.result])

    def _is_lone(self, moved: Moved) -> bool:
        """Whether lanes that lie side by side are masked and moved one by one, several of them by a thread."""
        if self._work.multiplied or moved.spacing > 1 or moved.aligned > 1:
            return False
        return self._place.lanes(moved.run) > 1 and self._gathering.each(moved.shape) > 1

    def _numbered(self) -> float:
        """Lanes whose places a thread holds, of tiles that are moved lane by lane; tiles of one size share them."""
        runs = {
            self._place.lanes(one.run): self._gathering.each((one.run,))
            for one in self._work.moved
            if self._is_lone(one)
        }
        return sum(runs.values())

    def _copied(self, moved: Moved) -> float:
        """The same of lanes that data masks and that come out of shared memory: all together, as wide as they are
        computed with, and each vector has an address and a condition of the turn that is copied meanwhile. What is only
        added up comes piece by piece.
        """
        if self._work.multiplied or not moved.guarded or not self._copies(moved):
            return 0.0
        if self._gathering.accumulates(moved.loops):
            return 0.0
        moves = _OF_COPIES / vector(self._place, moved, self._gathering.threads)
        wide = 1 + moved.buffer.dtype.itemsize / 4 + moves
        return self._gathering.each(moved.shape) * wide

    def _taken(self, values: Iterable[Value]) -> float:
        """The same of what a loop adds up lane by lane, as long as it does."""
        return sum(held for value in values if (held := self._each([value])) <= MOST_REGISTERS)

    def _shared(self) -> float:
        """Bytes of shared memory of one program: loops that follow each other use the same ones."""
        place = self._place
        by_loop: dict[Loops, float] = {(): 0.0}
        for moved in self._work.moved:
            copies = self._copies(moved)
            if copies:
                size = place.elements(moved.shape) * moved.buffer.dtype.itemsize * copies
                outermost = loops_alone(moved.loops)[:1]
                by_loop[outermost] = by_loop.get(outermost, 0.0) + size
        for product in self._work.multiplied:
            outermost = loops_alone(product.loops)[:1]
            by_loop[outermost] = by_loop.get(outermost, 0.0) + passed_bytes(product, place)
        around = by_loop.pop(())
        return around + max(by_loop.values(), default=0.0)

    def _copies(self, moved: Moved) -> int:
        """Turns of a load that shared memory holds: one less than are in flight where registers take the last."""
        place = self._place
        if moved.staged:
            return place.stages_in(moved.loops) if moved.ahead else 1
        if moved.formed:
            return place.stages_in(moved.loops)
        return stages_of(moved, place, self._gathering.threads) - 1 if moved.reads else 0
