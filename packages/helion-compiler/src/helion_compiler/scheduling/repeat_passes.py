"""Hold whole rows as they were loaded, and compute anew from that behind each reduction.

A row of 32768 bfloat16 takes 16 registers of each of 1024 threads; in float32, as reductions and what follows them
compute with it, 32, and its exponentials another 32. Registers are few, and a program that takes half as many shares
its multiprocessor with another one, which loads while this one computes.

In: a Program with masks inserted, and one of its whole axes that could become a loop (:mod:`.roll_reductions`). Out: an
equivalent Program. As there, ops are levelled by how many reductions over the axis lie before them, and each level
computes what it needs; but nothing is a loop, and what an earlier level has loaded is not loaded again but renewed,
so that Triton and ptxas do not hold what they computed of it before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from helion_compiler.program.fields import with_blocks
from helion_compiler.program.lane_ops import Renew
from helion_compiler.program.ops import Load
from helion_compiler.scheduling.levels import Along
from helion_compiler.scheduling.retile import Copier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion_compiler.program.ops import Block, Op
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Axis

_NARROW = 2
"""Bytes of an element that is computed with in float32: two of them share a register until then."""


def repeat_passes(program: Program, axis: Axis) -> Program:
    """``program`` with what is computed along ``axis`` computed anew behind each reduction over it."""
    return program.with_bodies(_Repeater(axis).block)


def repeats_passes(program: Program, axis: Axis) -> bool:
    """Whether anything is held in fewer registers for it."""
    return any(isinstance(op, Renew) for op in repeat_passes(program, axis).walk())


class _Repeater:
    def __init__(self, axis: Axis) -> None:
        self._along = Along(axis)

    def block(self, block: Block) -> Block:
        """A block with its levels one after the other."""
        along = self._along
        if not any(map(along.works, block.ops)):
            ops = tuple(with_blocks(op, self.block) for op in block.ops)
            return attrs.evolve(block, ops=ops)
        levels = along.levels(block)
        loaded: dict[Op, int] = {}
        repeated: list[Op] = []
        for level in range(max(levels.values()) + 1):
            own = [op for op in block.ops if levels[op] == level]
            repeated += [with_blocks(op, self.block) for op in own if not along.works(op)]
            repeated += self._pass(block, [op for op in own if along.ends_loop(op)], loaded)
        return attrs.evolve(block, ops=tuple(repeated))

    def _pass(self, block: Block, goals: Sequence[Op], loaded: dict[Op, int]) -> list[Op]:
        """The goals of one level and what they are computed from; ``loaded`` counts in how many passes each load is."""
        copier = Copier()
        ops: list[Op] = []
        for op in self._along.closure(block, goals, dict.fromkeys(loaded, ())):
            if op in goals:
                ops.append(copier.reading(op))
            elif not isinstance(op, Load):
                ops.append(copier.op(op))
            elif op not in loaded:
                loaded[op] = 1
                ops.append(copier.reading(op))
            elif _is_narrow(op):
                again = copier.copy(op.result, op.result.name)
                renewed = Renew(
                    result=again, operand=op.result, times=loaded[op], location=op.location
                )
                ops.append(renewed)
                loaded[op] += 1
        return ops


def _is_narrow(load: Load) -> bool:
    dtype = load.result.type.dtype
    return dtype.is_floating_point and dtype.itemsize == _NARROW
