"""Turn a whole axis into a loop: rows that do not fit registers are read in steps, once per
dependent reduction.

In: a Program with masks inserted, one of its whole axes, and the lanes of a step. Out: an
equivalent Program in which values over that axis exist only inside loops. Ops are levelled by how
many reductions over the axis lie before them; each level becomes one loop, which recomputes from
memory what it needs and accumulates lane by lane, so that each reduction proper happens once, after
its loop. Sums of exponentials relative to a maximum need no loop of their own: see :mod:`.online_sums`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import sympy

from helion_compiler.program.fields import (
    operands,
    results,
    with_blocks,
)
from helion_compiler.program.foreign_ops import CallTriton, InlineAssembly, InlineTriton, Print
from helion_compiler.program.lane_ops import Random, Split
from helion_compiler.program.ops import (
    Atomic,
    Block,
    Dot,
    Fence,
    Fold,
    If,
    Load,
    Loop,
    Op,
    Pick,
    Reduce,
    Reshape,
    Sort,
    While,
)
from helion_compiler.program.sources import free_values
from helion_compiler.program.types import (
    Axis,
    BlockSize,
    Value,
    ValueIndex,
    WholeSlice,
)
from helion_compiler.scheduling.accumulate import COMBINE, Accumulator
from helion_compiler.scheduling.levels import Along
from helion_compiler.scheduling.online_maximum import Groups, OnlineMaximum
from helion_compiler.scheduling.online_sums import find_online_sums
from helion_compiler.scheduling.retile import Retiler

if TYPE_CHECKING:
    from collections.abc import Iterable

    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Subscript
    from helion_compiler.scheduling.online_sums import OnlineSum


_VECTOR_BYTES = 16
"""What a thread reads at once."""


class NotRollable(Exception):  # noqa: N818  # the answer to a question, not a failure
    """Why a whole axis cannot become a loop."""


def roll_reductions(program: Program, axis: Axis, lanes: int, number: int) -> Program:
    """``program`` with ``axis`` walked in steps of ``lanes``.

    Raises:
        NotRollable: values over the axis are used in a way that needs all of them at once.
    """
    block = BlockSize(
        index=len(program.blocks),
        name=f"roll_{number}",
        symbol=sympy.Symbol(f"r{number}", integer=True, positive=True),
        size_hint=lanes,
        fixed=lanes,
    )
    owners = program.written()
    written = frozenset(
        op.buffer.root for op in program.accesses() if program.owner(op.buffer) in owners
    )
    roller = _Roller(axis, block, number, written)
    rolled = program.with_bodies(roller.block)
    return attrs.evolve(rolled, blocks=(*program.blocks, block, *roller.groups))


class _Roller:
    def __init__(self, axis: Axis, block: BlockSize, number: int, written: frozenset[int]) -> None:
        self._whole = axis
        self._along = Along(axis)
        self._written = written
        self._block = block
        self._number = number
        self._loops = 0
        self.groups: list[BlockSize] = []

    def block(self, block: Block) -> Block:
        if not any(self._along.works(op) for op in block.ops):
            ops = tuple(self._nested(op) for op in block.ops)
            return attrs.evolve(block, ops=ops)
        self._check(block)
        levels = self._along.levels(block)
        maxima = self._maxima(block, levels)
        rolled: list[Op] = []
        last = max(levels.values(), default=0)
        for level in range(last + 1):
            rolled += [
                self._nested(op)
                for op in block.ops
                if levels[op] == level and not self._along.works(op)
            ]
            for maximum in maxima:
                rolled += [
                    op
                    for one in maximum.sums
                    if levels[one.total] == level
                    for op in maximum.finish(one)
                ]
            rolled += self._loop(block, levels, level, maxima)
        return attrs.evolve(block, ops=tuple(rolled))

    def _nested(self, op: Op) -> Op:
        return with_blocks(op, self.block)

    def _check(self, block: Block) -> None:
        """Refuse what needs the whole axis at once, or memory that changes between two readings.

        A store anywhere in the kernel counts: rows are read again in each loop, after stores of
        other dimensions too.
        """
        for op in block.ops:
            if isinstance(op, Fence):
                raise NotRollable("memory is accessed again after it was written")
            if any(isinstance(v, Value) and self._along.has_axis(v) for v in free_values(op)):
                raise NotRollable("a loop or a branch reads values along it that were made outside")
            if self._along.works(op):
                self._check_op(op)

    def _check_op(self, op: Op) -> None:
        single = isinstance(op, Random) and len(op.results) == 1
        kind = next(
            (reason for types, reason in _WHOLE_ONLY.items() if isinstance(op, types)), None
        )
        kind = None if single else kind
        if kind is not None:
            raise NotRollable(kind)
        if isinstance(op, Reduce) and self._along.reduces(op) and op.kind not in COMBINE:
            raise NotRollable(f"{op.kind} needs all of it at once")
        touched = (*operands(op), *results(op))
        if any(value.type.shape.count(self._whole.size) > 1 for value in touched):
            raise NotRollable("a value has two dimensions of its extent")
        if any(self._whole.size in subscripted.type.shape for subscripted in _subscripted(op)):
            raise NotRollable("it is subscripted by values along it")
        if any(self._is_part(entry) for entry in getattr(op, "subscripts", ())):
            raise NotRollable("it is a slice with a beginning or a step")
        if isinstance(op, Load) and op.buffer.root in self._written:
            raise NotRollable("a tensor is both read along it and written")

    def _is_part(self, entry: Subscript) -> bool:
        """Whether a subscript runs along the axis, and not from the start of its dimension in steps of 1."""
        if not isinstance(entry, WholeSlice) or entry.axis != self._whole:
            return False
        return (entry.begin, entry.step) != (0, 1)

    # Loops.

    def _maxima(self, block: Block, levels: dict[Op, int]) -> list[OnlineMaximum]:
        """The maxima whose loops take sums relative to them, too."""
        sums: dict[Reduce, list[OnlineSum]] = {}
        for one in find_online_sums(block, levels, self._along.reduces):
            sums.setdefault(one.maximum, []).append(one)
        return [OnlineMaximum(those, self._groups(block, op.dim)) for op, those in sums.items()]

    def _groups(self, block: Block, dim: int) -> Groups:
        """The lanes of a step in groups of what a thread reads at once of the narrowest tensor along the axis."""
        loads = [op for op in block.ops if isinstance(op, Load) and self._along.has_axis(op.result)]
        narrowest = min((load.buffer.dtype.itemsize for load in loads), default=_VECTOR_BYTES)
        lanes = self._block.size_hint
        members = min(lanes, _VECTOR_BYTES // narrowest)
        if not self.groups:
            self.groups += [self._part("groups", lanes // members), self._part("members", members)]
        return Groups(self._block.symbol, self.groups[0], self.groups[1], dim)

    def _part(self, name: str, lanes: int) -> BlockSize:
        return BlockSize(
            index=self._block.index + 1 + len(self.groups),
            name=f"{self._block.name}_{name}",
            symbol=sympy.Symbol(f"{name}{self._number}", integer=True, positive=True),
            size_hint=lanes,
            fixed=lanes,
        )

    def _loop(
        self, block: Block, levels: dict[Op, int], level: int, maxima: list[OnlineMaximum]
    ) -> list[Op]:
        """The loop of one level and the reductions after it; nothing if the level has no work along
        the axis.
        """
        online = {one.total: one for maximum in maxima for one in maximum.sums}
        goals = [
            op
            for op in block.ops
            if levels[op] == level and op not in online and self._along.ends_loop(op)
        ]
        if not goals:
            return []
        growing = {maximum.maximum: maximum for maximum in maxima if maximum.maximum in goals}
        totals = [one.total for maximum in growing.values() for one in maximum.sums]
        exponentials = {
            one.exponential: (maximum, one) for maximum in growing.values() for one in maximum.sums
        }
        # Of what exponentials depend on, the minuend alone: each step subtracts its own maximum.
        minuends: dict[Op, Iterable[Value]] = {
            op: (one.minuend,) for op, (_, one) in exponentials.items()
        }
        clone = Retiler(self._whole, self._tile_axis())
        accumulators: list[Accumulator | OnlineMaximum] = []
        body: list[Op] = []
        for op in self._along.closure(block, [*goals, *totals], minuends):
            if op in growing:
                accumulators.append(growing[op])
                body += growing[op].grow(clone)
            elif op in exponentials:
                maximum, one = exponentials[op]
                body += maximum.exponential(one, clone)
            elif op not in totals and (not self._along.reduces(op) or op not in goals):
                body.append(clone.op(op))
        for maximum in growing.values():
            body += maximum.add(clone)
        for op in goals:
            if isinstance(op, Reduce) and op not in growing:
                accumulator = Accumulator(op, clone.value(op.operand))
                accumulators.append(accumulator)
                body += accumulator.body
        loop = Loop(
            axes=(clone.axis,),
            initial=tuple(v for a in accumulators for v in a.initial),
            parameters=tuple(v for a in accumulators for v in a.parameters),
            results=tuple(v for a in accumulators for v in a.results),
            body=Block(ops=tuple(body), yields=tuple(v for a in accumulators for v in a.following)),
            location=goals[0].location,
        )
        before = [op for a in accumulators for op in a.fill]
        after = [op for a in accumulators for op in a.after]
        return [*before, loop, *after]

    def _tile_axis(self) -> Axis:
        name = f"roll_{self._number}" + (f"_{self._loops}" if self._loops else "")
        offset = sympy.Symbol(f"q{self._number}_{self._loops}", integer=True, nonnegative=True)
        self._loops += 1
        return Axis(
            name=name,
            block=self._block,
            begin=self._whole.begin,
            end=self._whole.end,
            offset=offset,
        )


def _subscripted(op: Op) -> list[Value]:
    """The values that an access is subscripted by."""
    subscripts = getattr(op, "subscripts", ())
    return [entry.value for entry in subscripts if isinstance(entry, ValueIndex)]


_WHOLE_ONLY: dict[tuple[type, ...], str] = {
    (Loop, While): "a loop carries values along it",
    (If,): "a branch chooses between values along it",
    (Dot,): "a matrix product runs along it",
    (Fold,): "a scan or a reduction by a function of the author's runs along it",
    (Reshape, Pick, Sort): "its lanes are rearranged",
    (Random, Split): "an op of several results runs along it",
    (InlineTriton, CallTriton, InlineAssembly): "code in another language works along it",
    (Print,): "it is printed",
    (Atomic,): "atomics run along it",
}
"""Ops that need all of an axis at once, and how to say so."""
