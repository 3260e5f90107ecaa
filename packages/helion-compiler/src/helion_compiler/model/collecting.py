"""Collect the work of a Program: its ops by what they move, multiply and compute, and what registers hold meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from helion_compiler.model.chains import is_chained
from helion_compiler.model.factors import Factor, factor_of
from helion_compiler.model.instructions import instructions_of
from helion_compiler.model.nesting import inside, loops_alone
from helion_compiler.model.online import online_of
from helion_compiler.model.repeating import repeated_by
from helion_compiler.model.sums import summands
from helion_compiler.model.work import TOGETHER, Computed, GridWork, Held, Moved, Multiplied
from helion_compiler.program.access import accessed_shape
from helion_compiler.program.alignment import Alignment
from helion_compiler.program.fields import blocks, made_by, operands, parameters, results
from helion_compiler.program.neighbours import Neighbours
from helion_compiler.program.ops import (
    Atomic,
    Broadcast,
    Dot,
    Fold,
    Load,
    Loop,
    Mask,
    Pointwise,
    Reduce,
    Reshape,
    Sort,
    Squeeze,
    Store,
    Unsqueeze,
    While,
)
from helion_compiler.program.program import walk, whole_axes
from helion_compiler.program.sources import sources_of
from helion_compiler.program.types import ValueIndex
from helion_compiler.program.views import loaded_by
from helion_compiler.scheduling.hoist_reductions import hoistable_reductions
from helion_compiler.scheduling.levels import count_repeats
from helion_compiler.scheduling.swap_operands import swappable_products

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    import torch

    from helion_compiler.model.nesting import Loops
    from helion_compiler.model.online import Online
    from helion_compiler.program.ops import Access, Block, Grid, Op
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Size, Value

_TURNED = 12.0
"""Operations of each byte of a factor that lies along the other dimension than the one that is summed over: a warp
group's product of bytes wants that one, and each byte is written to shared memory anew, by itself. Attention of
float8 over 64x2048x64 took 274 and 248 µs on an H200 in tiles of 64 rows, 214 and 196 in tiles of 128.
"""
_SORTED = 200.0
"""Operations of each lane that is sorted. Counted in SASS of the largest 8 of 128, with their places."""


def work_of(program: Program, by_lanes: Collection[torch.dtype] = ()) -> tuple[GridWork, ...]:
    """The work of each grid; lanes do the products of dtypes ``by_lanes``."""
    neighbours, alignment = Neighbours(program), Alignment(program)
    return tuple(_Collector(grid, neighbours, alignment, by_lanes).work() for grid in program.grids)


@attrs.frozen
class _MultipliedIn:
    """What products take of a block, as they were loaded or cast: ``staged`` those of the whole grid, ``ahead`` those
    beside it in a loop, of which the factors are ``formed`` from other loads. ``fed`` are products that another feeds.
    """

    staged: set[Value]
    ahead: set[Value]
    formed: set[Value]
    fed: set[Dot]


class _Collector:
    def __init__(
        self,
        grid: Grid,
        neighbours: Neighbours,
        alignment: Alignment,
        by_lanes: Collection[torch.dtype],
    ) -> None:
        self._grid = grid
        self._by_lanes = by_lanes
        self._neighbours = neighbours
        self._alignment = alignment
        self._factors = _factors(walk(grid.body))
        self._moved: dict[Op, Moved] = {}
        self._multiplied: list[Multiplied] = []
        self._computed: list[Computed] = []
        self._held: list[Held] = []
        self._online: list[Online] = []
        self._hoistable: set[Op] = set()
        self._chained: dict[Loop, bool] = {}
        self._swappable = swappable_products(grid.body)
        self._summands: dict[Value, Value] = {}
        self._makers = made_by(walk(grid.body))
        self._whole = whole_axes(grid.body)
        self._repeats = {axis.size: count_repeats(grid.body, axis) for axis in self._whole}

    def work(self) -> GridWork:
        self._block(self._grid.body, (), frozenset())
        return GridWork(
            self._grid,
            tuple(self._moved[op] for op in walk(self._grid.body) if op in self._moved),
            tuple(self._multiplied),
            tuple(self._computed),
            tuple(self._held),
            tuple(self._online),
        )

    def _block(self, block: Block, loops: Loops, outside: frozenset[Value]) -> frozenset[Value]:
        """Collect a block that leaves the values ``outside`` alone; the values that it reads from outside are
        returned.

        Lane by lane, threads go on piece by piece and hold no value whole. What they hold whole is what is needed
        again behind ops for which all lanes come together.
        """
        summed_up = summands(block)
        self._summands |= summed_up
        self._online += online_of(block, loops, self._whole, self._neighbours)
        self._hoistable |= {
            reduction
            for op in block.ops
            if isinstance(op, Loop)
            for reduction in hoistable_reductions(op)
        }
        multiplied = self._multiplied_in(block, loops)
        staged = multiplied.staged
        for op in block.ops:
            self._op(op, loops, multiplied)
        same = _same(block) | summed_up
        summed = frozenset(
            value for op in block.ops if op in self._hoistable for value in operands(op)
        )
        makers = made_by(block.ops)
        live = outside | _held_as(block.yields, same)
        coming: set[Value] = set()
        for op in reversed(block.ops):
            if isinstance(op, Load):
                coming.add(op.result)
            if isinstance(op, Reshape):
                whole = _held_as(live, same) - staged
                self._held.append(Held(loops, whole, frozenset(), reshape=op))
            read = _held_as(operands(op), same)
            for one in repeated_by(op, read, makers):
                whole = (_held_as(live, same) | read) - frozenset(results(op)) - staged
                self._held.append(Held(loops, whole, frozenset(), repeated=one))
            if isinstance(op, TOGETHER):
                both = frozenset(operands(op)) if isinstance(op, Sort) else frozenset()
                held = Held(
                    loops,
                    (live | both) - staged,
                    frozenset(coming - staged),
                    summed - live - staged,
                    op.result if isinstance(op, Dot) else None,
                )
                self._held.append(held)
                coming.clear()
            live -= frozenset(results(op))
            for nested in () if isinstance(op, Fold) else blocks(op):
                inner = inside(op, nested, loops)
                live |= self._block(nested, inner, live) - frozenset(parameters(op))
            live |= read
        last = Held(loops, live - staged, frozenset(coming - staged), summed - live - staged)
        self._held.append(last)
        return live

    def _multiplied_in(self, block: Block, loops: Loops) -> _MultipliedIn:
        own = _factors(block.ops)
        staged = self._factors | set(_sources(block, self._factors))
        if not loops or not isinstance(loops[-1], Loop):
            return _MultipliedIn(staged, set(), set(), _fed(block))
        ahead = own | set(_sources(block, own))
        formed = set(_sources(block, own, through_all=True)) - ahead
        return _MultipliedIn(staged, ahead, formed, _fed(block))

    def _op(self, op: Op, loops: Loops, multiplied: _MultipliedIn) -> None:
        match op:
            case Load() | Store() | Atomic():
                self._moved[op] = self._moving(op, loops, multiplied)
            case Dot():
                self._multiplied.append(self._multiplying(op, loops, multiplied))
            case _:
                self._computed += self._computing(op, loops)

    def _moving(self, op: Access, loops: Loops, multiplied: _MultipliedIn) -> Moved:
        run, spacing = self._neighbours.nearest(op)
        result = op.result if isinstance(op, Load) else None
        return Moved(
            buffer=op.buffer,
            shape=accessed_shape(op.subscripts, op.addresses),
            run=run,
            spacing=spacing,
            aligned=self._alignment.of(run),
            loops=loops,
            reads=isinstance(op, Load),
            atomic=isinstance(op, Atomic),
            staged=result in multiplied.staged,
            ahead=result in multiplied.ahead,
            formed=result in multiplied.formed,
            guarded=_is_guarded(op),
            repeats=self._repeats_of(op),
            result=result,
            beside=self._alignment.beside(run),
        )

    def _multiplying(self, op: Dot, loops: Loops, multiplied: _MultipliedIn) -> Multiplied:
        alone = loops_alone(loops)
        factors = (
            self._factor(op.lhs, op.lhs.type.shape[-1]),
            self._factor(op.rhs, op.rhs.type.shape[-2]),
        )
        self._computed += [
            Computed(value.type.shape, _TURNED, loops, {})
            for value, factor in zip((op.lhs, op.rhs), factors, strict=True)
            if factor.turned
        ]
        return Multiplied(
            batch=op.lhs.type.shape[:-2],
            sizes=op.sizes,
            itemsize=op.lhs.type.dtype.itemsize,
            loops=loops,
            factors=factors,
            chained=any(map(self._is_chained, alone)),
            awaited=bool(alone) and self._is_awaited(op),
            fed=op in multiplied.fed,
            swaps=op in self._swappable,
            by_lanes=op.lhs.type.dtype in self._by_lanes,
        )

    def _factor(self, value: Value, summed: Size) -> Factor:
        """A factor whose dimension of size ``summed`` the product sums over."""
        factor, load = factor_of(value, self._makers), loaded_by(value, self._makers)
        if load is None or value.type.dtype.itemsize > 1:
            return factor
        run, _ = self._neighbours.nearest(load)
        return attrs.evolve(factor, turned=run != summed)

    def _computing(self, op: Op, loops: Loops) -> list[Computed]:
        repeats = self._repeats_of(op)
        match op:
            case Pointwise():
                wide = max(op.result.type.dtype.itemsize // 4, 1)  # int64 is done in halves
                operations = instructions_of(op) * wide
                return [Computed(op.result.type.shape, operations, loops, repeats)]
            case Reduce():
                shape = op.operand.type.shape
                hoistable = op in self._hoistable
                return [Computed(shape, 1.0, loops, repeats, shape[op.dim], hoistable)]
            case Fold():
                shape = op.operands[0].type.shape
                return [Computed(shape, 8.0, loops, repeats, shape[op.dim])]
            case Sort():
                shape = op.operand.type.shape
                return [Computed(shape, _SORTED, loops, repeats, shape[-1])]
            case _:
                return [Computed(v.type.shape, 0.5, loops, repeats) for v in results(op)]

    def _is_awaited(self, op: Dot) -> bool:
        return op.accumulator is None and op.result not in self._summands

    def _is_chained(self, loop: Loop | While) -> bool:
        if isinstance(loop, While):
            return True  # whether there is another turn is not known before
        if loop not in self._chained:
            self._chained[loop] = is_chained(loop)
        return self._chained[loop]

    def _repeats_of(self, op: Op) -> dict[Size, int]:
        return {size: found.get(op, 1) for size, found in self._repeats.items()}


def _fed(block: Block) -> set[Dot]:
    """The products of a block of which a factor is computed from what another one of them results in."""
    makers = made_by(block.ops)
    return {
        op
        for op in block.ops
        if isinstance(op, Dot)
        and any(isinstance(one, Dot) for one in sources_of((op.lhs, op.rhs), makers))
    }


def _is_guarded(op: Access) -> bool:
    """Whether lanes are left out for what memory says: by a mask, or beyond the end of a jagged item."""
    gathers = any(isinstance(entry, ValueIndex) for entry in op.subscripts)
    return gathers or op.addresses is not None or getattr(op, "extra_mask", None) is not None


def _same(block: Block) -> dict[Value, Value]:
    """What in registers each view of a block is: lanes that are repeated are held once."""
    same: dict[Value, Value] = {}
    repeated: set[Value] = set()
    for op in block.ops:
        if isinstance(op, Broadcast) or (isinstance(op, Reshape) and op.operand in repeated):
            repeated.add(op.result)
            same[op.result] = op.operand
        elif isinstance(op, Mask | Squeeze | Unsqueeze):
            same[op.result] = op.operand
    return same


def _held_as(values: Iterable[Value], same: Mapping[Value, Value]) -> frozenset[Value]:
    """The values in registers that values are: their own, or those that they are views of."""
    found = frozenset(values)
    while views := found & same.keys():
        found = found - views | {same[value] for value in views}
    return found


def _factors(ops: Iterable[Op]) -> set[Value]:
    """What products multiply."""
    return {value for op in ops if isinstance(op, Dot) for value in (op.lhs, op.rhs)}


def _sources(block: Block, factors: set[Value], *, through_all: bool = False) -> Iterator[Value]:
    """Loads of a block that a product reads: by casts and views or as they are, or through whatever computes."""
    wanted = set(factors)
    for op in reversed(block.ops):
        if wanted.isdisjoint(results(op)):
            continue
        if isinstance(op, Load):
            yield op.result
        elif not isinstance(op, Dot | Loop) and (through_all or len(operands(op)) == 1):
            wanted |= set(operands(op))
