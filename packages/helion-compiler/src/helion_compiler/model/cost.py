"""How long a Program takes at a point, to first order: the slowest of what memory, caches, matrix units, lanes and
waiting would take by themselves, and a share of the rest, since they overlap well but not wholly.

The terms are those of roofline models (Williams, Waterman and Patterson, 2009), with bytes in flight by Little's law
for memory, and with the padding, idle multiprocessors and spilled registers that a choice of tiles brings about. The
constants below were fitted to kernels of the gallery on an H200.
"""

from __future__ import annotations

import math
from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Any

import attrs

from helion_compiler.model.collecting import work_of
from helion_compiler.model.forming import passed
from helion_compiler.model.gathering import Gathering
from helion_compiler.model.occupancy import Occupancy
from helion_compiler.model.place import Place, Sizes
from helion_compiler.model.traffic import Traffic
from helion_compiler.model.waiting import Waiting
from helion_compiler.scheduling.warp_roles import GROUP_ROWS, GROUP_WARPS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import torch

    from helion_compiler.model.devices import DeviceFacts
    from helion_compiler.model.place import Lanes
    from helion_compiler.model.work import Computed, GridWork, Multiplied
    from helion_compiler.program.program import Program

_OVERLAP = 0.12
"""The share of what is not slowest that is not hidden behind it."""
_EACH_WARP = 0.05
"""What is added to that share where one warp runs, and a part of it with more: of points that are level otherwise,
the one with more warps at once hides more. A loss in blocks of 1,024, with 48 registers a thread, took 606 µs on an
H200; in blocks of 2,048, with 80, 683 µs.
"""
_NEARLY = 12
"""How sharply the longer of two times decides that take turns at being the longer one: programs run in no step."""
_LAUNCH = 2e-6
_FULL_TILE = 51.2
"""``m n / (m + n)`` of a group's tile of 64 by 256: with it, matrix units wait for nothing."""
_PIPELINED = (0.55, 0.8, 0.95, 1.0)
"""The share of matrix units' rate that one, two, three and more stages reach, of all programs together."""
_ALONE = 0.5
"""The share of what is computed between products that the only program of a multiprocessor waits for."""
_APART = 4.0
"""Turns after which warps of a program have drifted apart as far as they do where each holds its part of a row as it
was loaded: it computes when that has come, and stores when it has computed, but for what reductions wait for. Of rows
of 65536 bfloat16 on an H200, softmax, rms_norm and layer_norm took 152, 139 and 165 µs.
"""
_SPILLED = 4
"""To which power computing takes longer where registers are too few: values go to memory and back, again and again."""
_WARPS = 16
"""Warps with which a multiprocessor computes as fast as it can."""
_BUSIEST = 3.0
"""Standard deviations by which the greatest of several hundred is expected to exceed the mean."""
_MOST_LEFT = 0.6
"""How much longer the last programs take, at most, when others have ended: with one wave of them an H200 took 157 µs
for a jagged softmax of 96.
"""
_EACH_TURN = 20.0
"""Instructions of a warp in a turn for each tile that it moves and each product, beside those of lanes. Counted in SASS
for sm_90: some 165 of seven accesses and two products (gated delta states), 86 of two and one (a product that is added
up before a layer norm).
"""
_FETCHED = 10.0
"""What a thread that has one sum of a product that lanes do takes for the factors of a step; the more sums it has, the
more share them. Of float32 2048x2048x2048 in IEEE precision on an H200, tiles of 64 by 64 with 16 sums a thread took
472 µs, with 32 sums 384; of 128 by 128 with 64 sums 392.
"""
_DEPENDENT = 4
"""With so many warps it reaches half of what it could with any number: each instruction waits for the one before."""


class CostModel:
    """Estimates for one Program on one GPU."""

    def __init__(
        self,
        program: Program,
        lanes: Lanes,
        facts: DeviceFacts,
        by_lanes: Collection[torch.dtype] = (),
    ) -> None:
        """``by_lanes``: dtypes whose products matrix units do not do in the precision that is wanted."""
        self._program = program
        self._facts = facts
        self._sizes = Sizes(program, lanes)
        self._work = work_of(program, by_lanes)

    def seconds(self, point: Mapping[str, Any]) -> float:
        """The estimate at a point."""
        return _LAUNCH + sum(estimate.seconds() for estimate in self._estimates(point))

    def least(self, point: Mapping[str, Any]) -> float:
        """What no point can fall below: the seconds that memory takes to move what is used at this one, once."""
        return _LAUNCH + sum(estimate.least() for estimate in self._estimates(point))

    def terms(self, point: Mapping[str, Any]) -> dict[str, float]:
        """What the estimate is made of: the seconds that each part of the GPU would take by itself."""
        total: Counter[str] = Counter()
        for estimate in self._estimates(point):
            total.update(estimate.terms())
        return dict(total)

    def registers(self, point: Mapping[str, Any]) -> list[float]:
        """What a thread takes of them, at most, by grid."""
        return [estimate.registers for estimate in self._estimates(point)]

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
        self._share = math.ceil(self._tiles / facts.multiprocessors)
        self._gathering = Gathering(work, place, facts.warp_size)
        self._occupancy = Occupancy(work, place, facts, self._gathering)
        self._resident = min(self._occupancy.together(), self._share)

    @property
    def registers(self) -> float:
        """Of each thread, were there as many as it likes."""
        return self._occupancy.used

    def seconds(self) -> float:
        """The slowest part, and some of the others."""
        terms = self.terms()
        alone = terms.pop("alone")
        slowest = max(terms.values())
        exposed = _OVERLAP + _EACH_WARP / (self._resident * self._place.warps)
        together = slowest + exposed * (sum(terms.values()) - slowest)
        alone += _OVERLAP * terms["memory"]
        return float((together**_NEARLY + alone**_NEARLY) ** (1 / _NEARLY))

    def least(self) -> float:
        """What memory takes to move once what is used."""
        traffic = Traffic(self._work, self._place, self._facts, self._tiles, self._gathering)
        return traffic.least() / self._facts.bandwidth

    def terms(self) -> dict[str, float]:
        """What each part would take by itself."""
        facts, resident = self._facts, self._resident
        spilled = self._occupancy.spilled**_SPILLED
        idle = self._share * facts.multiprocessors / self._tiles
        busy = min(2 * self._tiles / facts.multiprocessors, 1.0)  # half of them saturate memory
        moved = Traffic(self._work, self._place, facts, self._tiles, self._gathering).total(
            resident
        )
        needed = facts.bandwidth / facts.multiprocessors * facts.latency
        reach = min(resident * moved.in_flight / needed, 1.0) * busy
        cached = moved.cache + self._tiles * self._occupancy.spilled_bytes
        products = self._products(resident) * idle * spilled
        computed = (moved.instructions + self._operations()) / facts.operations * idle * spilled
        if resident == 1 and any(not product.by_lanes for product in self._work.multiplied):
            # Nobody multiplies while the only program computes, but for warps that are behind the others.
            own = self._operations() / facts.operations * idle
            products += _ALONE * own / _awake(self._place.warps)
        terms = {
            "memory": moved.memory / (facts.bandwidth * reach),
            "cache": cached / (facts.cache_bandwidth * busy),
            "products": products,
            "computed": computed / _awake(resident * self._place.warps),
        }
        terms = {name: seconds * self._uneven for name, seconds in terms.items()}
        return terms | {"alone": self._alone(computed, terms["cache"], idle)}

    @cached_property
    def _uneven(self) -> float:
        """How much longer the last of all is busy than one is on average.

        Programs that follow when others have ended go where there is room. When there are no more, one of those that
        run may be the longest of all and have just begun; of what runs then, half of the mean square over the mean is
        left, on average (Cox, *Renewal Theory*, 1962). The last ones have the multiprocessors for themselves, though.
        The tiles of programs that stay are dealt out for good.
        """
        place = self._place
        if not place.sizes.lengths or place.staying is not None:
            return self._dealt_out
        left = (1.0 + place.spread**2) / 2
        return 1.0 + min((place.longest_of_all - left) / self._waves, _MOST_LEFT)

    @cached_property
    def _dealt_out(self) -> float:
        """How much more the busiest scheduler of all has to do than one does on average.

        A warp stays with its scheduler, so programs of few warps that all run at once are dealt out for good, as are
        the tiles of programs that stay. Those that follow when others have ended even out all but the last of them.
        """
        schedulers = self._facts.schedulers
        each = self._share * min(self._place.warps, schedulers) / schedulers
        return 1.0 + _BUSIEST * self._place.spread / math.sqrt(each) / self._waves

    @property
    def _waves(self) -> float:
        """How many programs run one after the other; one that stays is alone."""
        if self._place.staying is not None:
            return 1.0
        return max(self._share / self._resident, 1.0)

    def _alone(self, computed: float, cache: float, idle: float) -> float:
        """Seconds for which programs wait on themselves, where a multiprocessor runs so many at once.

        Who loads nothing ahead computes when its loads have come; only others could, meanwhile. In loops its warps
        drift apart, and some load while others compute: the more so the more turns there are.
        """
        own = 0.0
        if not self._work.multiplied:
            own = computed / _awake(self._place.warps)
            own = max(own, cache) + min(own, cache) / self._turns()
        elif self._takes_turns():
            own = computed / _awake(self._place.warps) + self._products(1) * idle
        total = (self._share * self._waiting(self._place) + own) / self._resident * self._dealt_out
        if not self._place.sizes.lengths:
            return total
        # The longest may be the last.
        return max(total, self._waiting(attrs.evolve(self._place, longest=True)))

    def _takes_turns(self) -> bool:
        """Whether a program that multiplies does nothing else meanwhile: what it multiplies next is computed from what
        was multiplied before, no product takes both factors as they were loaded, some right factor passes through
        shared memory, for which all warps wait in each turn, or turns go on with all results. Nor where lanes multiply.
        """
        products = self._work.multiplied
        if any(one.by_lanes for one in products):
            return True
        formed = [
            any(factor.is_formed(self._place.lanes) for factor in one.factors) for one in products
        ]
        awaited = [one.awaited for one in products]
        in_step = any(right for _, right in (passed(one, self._place) for one in products))
        return any(one.chained for one in products) or all(formed) or all(awaited) or in_step

    def _turns(self) -> float:
        """Turns of the loops that load most often; :data:`_APART` where rows are held as they were loaded."""
        place = self._place
        if any(not place.renewed.isdisjoint(moved.shape) for moved in self._work.moved):
            return _APART
        reads = [moved for moved in self._work.moved if moved.reads]
        turns = [
            place.times(one.loops) * place.steps(one.shape) * place.repeats(one.shape, one.repeats)
            for one in reads
        ]
        return max(turns, default=1.0)

    def _waiting(self, place: Place) -> float:
        """The latencies of one tile."""
        work, facts = self._work, self._facts
        gathering = Gathering(work, place, facts.warp_size)
        traffic = Traffic(work, place, facts, self._tiles, gathering)
        return Waiting(work, place, facts, traffic, gathering, self._resident).seconds()

    def _products(self, resident: int) -> float:
        """Seconds of the matrix units, where so many programs share a multiprocessor."""
        total = 0.0
        place = self._place
        for product in map(place.arranged, self._work.multiplied):
            if product.by_lanes:
                continue
            batch = place.elements(product.batch)
            m, k, n = (max(place.lanes(size), 16) for size in product.sizes)
            groups = max(place.warps // GROUP_WARPS, 1)
            rows = min(m, GROUP_ROWS)
            columns = min(m * n / (groups * rows), n)
            full = min(rows * columns / (rows + columns) / _FULL_TILE, 1.0)
            full *= 0.75 + 0.25 * min(k / 64, 1.0)
            if batch > 1 or m < GROUP_ROWS or place.warps < GROUP_WARPS:
                full *= 0.5  # not the asynchronous products of whole warp groups
            rate = self._facts.products.get(product.itemsize, self._facts.operations)
            stages = place.stages_in(product.loops)
            turns = stages * resident if stages > 1 else 1
            rate *= full * _PIPELINED[min(turns, len(_PIPELINED)) - 1]
            # Each scheduler has matrix units of its own, which only its warps reach.
            schedulers = self._facts.schedulers
            rate *= min(resident * place.warps, schedulers) / schedulers
            total += 2.0 * batch * m * n * k * place.times(product.loops) * self._tiles / rate
        return total

    def _lanes(self, computed: Computed) -> int:
        """The lanes that an operation takes the time of: a warp does not do fewer of a tile faster."""
        return max(self._place.elements(computed.shape), self._gathering.warp_size)

    def _operations(self) -> float:
        place = self._place
        each = sum(
            self._lanes(computed)
            * place.steps(computed.shape)
            * place.passes(computed.shape, computed.repeats)
            * computed.operations
            * place.times(computed.loops)
            for computed in self._work.computed
        )
        each += sum(map(self._multiplying, self._work.multiplied))
        return self._tiles * (each + self._gathering.instructions() + self._turning())

    def _multiplying(self, product: Multiplied) -> float:
        """What lanes multiply themselves: each step takes two factors out of shared memory for its rows and columns."""
        if not product.by_lanes:
            return 0.0
        place = self._place
        m, k, n = (max(place.lanes(size), 16) for size in product.sizes)
        sums = place.elements(product.batch) * m * n
        each = max(sums / self._gathering.threads, 1.0)
        return sums * k * (1.0 + _FETCHED / each) * place.times(product.loops)

    def _turning(self) -> float:
        """What the turns of a chain take in every thread, however few lanes it has: each copy is begun and waited for,
        each product is given its places in shared memory, all of them count through buffers. Other loops do so while
        they multiply.
        """
        work, place = self._work, self._place
        chains = {product.loops for product in work.multiplied if product.chained}
        each = [one.loops for one in work.moved] + [one.loops for one in work.multiplied]
        turns = sum(place.times(loops) for loops in each if loops in chains)
        return _EACH_TURN * turns * self._gathering.threads


def _awake(warps: int) -> float:
    """The share of its rate that a multiprocessor computes at, where it runs so many warps."""
    full = _WARPS / (_WARPS + _DEPENDENT)
    return min(warps / (warps + _DEPENDENT) / full, 1.0)
