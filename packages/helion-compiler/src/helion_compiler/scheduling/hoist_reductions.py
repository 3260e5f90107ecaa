"""Accumulate lane by lane what a loop reduces in every turn, and reduce once behind the loop.

``total += x[tile_m, tile_n].sum(-1)`` brings the lanes of a tile together in every turn, across threads and warps,
which wait for each other. A carried value that only takes up reductions of its kind takes up their lanes as well: in
the loop nobody waits, and the one reduction comes after it. Where that leaves lanes that only take up another
reduction, ``x[tile_m, :].sum(-1).sum(-1)``, those do likewise.

In: a Program, and how many lanes sizes have. Out: an equivalent Program. The lanes are held in registers all along,
so accumulators of many of them stay as they are.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import attrs

from helion_compiler.passes.insert_masks import neutral
from helion_compiler.program.fields import with_blocks
from helion_compiler.program.ops import Block, Loop, Mask, Op, Pointwise, Reduce
from helion_compiler.program.program import count_uses
from helion_compiler.program.types import Value
from helion_compiler.scheduling.accumulate import COMBINE, Accumulator

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Size

MOST_REGISTERS = 64
"""32-bit registers that each thread may spend on one accumulator."""


@attrs.frozen
class _Taken:
    """Carried value ``place`` of a loop takes up ``reduction`` by ``taking``, and nothing else happens to either, but
    that ``mask`` may keep padding out of what is taken.
    """

    place: int
    reduction: Reduce
    taking: Pointwise
    mask: Mask | None

    @property
    def gone(self) -> frozenset[Op]:
        """What the loop no longer does."""
        ops = (self.reduction, self.taking, self.mask)
        return frozenset(op for op in ops if op is not None)

    def lanes(self) -> tuple[list[Op], Value]:
        """What is reduced, and the ops that keep padding out of it before."""
        operand: Value = self.reduction.operand
        if self.mask is None:
            return [], operand
        masked = Value(self.mask.result.name, operand.type)
        dim = self.mask.dim + (self.mask.dim >= self.reduction.dim and not self.reduction.keepdim)
        return [attrs.evolve(self.mask, result=masked, operand=operand, dim=dim)], masked


def hoist_reductions(program: Program, lanes: Callable[[Size], int], threads: int) -> Program:
    """``program`` with reductions moved behind loops of ``threads`` threads each."""

    def block(old: Block) -> Block:
        ops: list[Op] = []
        changed = False
        for op in old.ops:
            inner = with_blocks(op, block)
            new = _hoisted_all(inner, lanes, threads) if isinstance(inner, Loop) else [inner]
            changed |= new != [op]
            ops += new
        return attrs.evolve(old, ops=tuple(ops)) if changed else old

    return program.with_bodies(block)


def hoistable_reductions(loop: Loop) -> frozenset[Reduce]:
    """The reductions of a loop that leave it wherever their lanes are few enough."""
    found: set[Reduce] = set()
    while taken := _taken(loop):
        found |= {one.reduction for one in taken}
        _, loop, _ = _hoisted(loop, taken)
    return frozenset(found)


def _hoisted_all(loop: Loop, lanes: Callable[[Size], int], threads: int) -> list[Op]:
    """A loop with what surrounds it once its reductions are hoisted; the loop alone where there is nothing to hoist."""
    before: list[Op] = []
    after: list[Op] = []
    while taken := [one for one in _taken(loop) if _worthwhile(one.reduction, lanes, threads)]:
        first, loop, last = _hoisted(loop, taken)
        before, after = before + first, last + after
    return [*before, loop, *after]


def _hoisted(loop: Loop, taken: Sequence[_Taken]) -> tuple[list[Op], Loop, list[Op]]:
    """A loop that takes up lanes, with what comes before and after it."""
    masks: list[Op] = []
    accumulators: dict[int, Accumulator] = {}
    for one in taken:
        own, operand = one.lanes()
        masks += own
        accumulators[one.place] = Accumulator(one.reduction, operand)
    gone = frozenset[Op]().union(*(one.gone for one in taken))

    def carried(old: tuple[Value, ...], of: Callable[[Accumulator], Value]) -> tuple[Value, ...]:
        return tuple(
            of(accumulators[place]) if place in accumulators else value
            for place, value in enumerate(old)
        )

    body = [op for op in loop.body.ops if op not in gone] + masks
    body += [op for accumulator in accumulators.values() for op in accumulator.body]
    changed = attrs.evolve(
        loop,
        initial=carried(loop.initial, lambda one: one.initial[0]),
        parameters=carried(loop.parameters, lambda one: one.parameters[0]),
        results=carried(loop.results, lambda one: one.results[0]),
        body=Block(ops=tuple(body), yields=carried(loop.body.yields, lambda one: one.following[0])),
    )
    before = [op for accumulator in accumulators.values() for op in accumulator.fill]
    after = [op for accumulator in accumulators.values() for op in accumulator.after]
    after += [
        attrs.evolve(
            one.taking,
            result=loop.results[one.place],
            args=(loop.initial[one.place], one.reduction.result),
        )
        for one in taken
    ]
    return before, changed, after


def _taken(loop: Loop) -> list[_Taken]:
    """The carried values that only take up reductions, of which each is read by nobody else."""
    makers = {op.result: op for op in loop.body.ops if isinstance(op, Pointwise | Reduce | Mask)}
    reads = count_uses(loop.body)
    found: list[_Taken] = []
    for place, (parameter, following) in enumerate(
        zip(loop.parameters, loop.body.yields, strict=True)
    ):
        taking = makers.get(following)
        if not isinstance(taking, Pointwise) or taking.kwargs or len(taking.args) != 2:
            continue
        others = [value for value in taking.args if value is not parameter]
        reduction: Any = makers.get(others[0]) if len(others) == 1 else None
        mask = reduction if isinstance(reduction, Mask) else None
        if mask is not None:
            reduction = makers.get(mask.operand)
        if not isinstance(reduction, Reduce) or COMBINE.get(reduction.kind) != taking.operator:
            continue
        if mask is not None and mask.fill != neutral(reduction):
            continue
        alone = all(reads[v] == 1 for v in (parameter, following, others[0], reduction.result))
        if alone and reduction.result.type == parameter.type:
            found.append(_Taken(place, reduction, taking, mask))
    return found


def _worthwhile(reduction: Reduce, lanes: Callable[[Size], int], threads: int) -> bool:
    """Whether lanes are brought together at all, and are few enough to be held instead."""
    shape, dtype = reduction.operand.type.shape, reduction.operand.type.dtype
    if lanes(shape[reduction.dim]) == 1:
        return False
    registers = math.prod(map(lanes, shape)) * max(dtype.itemsize, 4) // 4
    return registers <= MOST_REGISTERS * threads
