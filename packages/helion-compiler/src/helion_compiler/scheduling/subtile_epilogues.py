"""Cut the epilogues of matrix products into parts: an accumulator is split along its columns, and each part goes all
the way to memory before the next, so that registers and shared memory hold a part of what the epilogue computes.

In: a Program with masks inserted, and in how many parts. Out: an equivalent Program, in which what an epilogue did for
a tile's columns is done once in each of several :class:`Part` ops.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import sympy

from helion_compiler.passes.drop_dead_ops import drop_dead_ops
from helion_compiler.program.fields import with_blocks
from helion_compiler.program.lane_ops import Cut
from helion_compiler.program.ops import Block, Op, Part, Store
from helion_compiler.program.types import Axis, BlockSize
from helion_compiler.scheduling.epilogues import Epilogue, find_epilogues
from helion_compiler.scheduling.retile import Retiler

if TYPE_CHECKING:
    from collections.abc import Callable

    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Size

LEAST_COLUMNS = 16
"""Columns of a part: fewer are no whole row of what tensor cores write."""


def subtile_epilogues(program: Program, parts: int, lanes: Callable[[Size], int]) -> Program:
    """``program`` with epilogues in ``parts``, where each has columns enough; ``lanes`` tells how many a size has."""
    wide = [
        epilogue
        for epilogue in find_epilogues(program).found
        if lanes(epilogue.axis.size) // parts >= LEAST_COLUMNS
    ]
    before = len(program.blocks)
    columns = tuple(
        _columns(epilogue.axis, before + number, number, lanes(epilogue.axis.size) // parts)
        for number, epilogue in enumerate(wide)
    )
    pairs = zip(wide, columns, strict=True)
    made = {epilogue.stores[-1]: _in_parts(epilogue, own, parts) for epilogue, own in pairs}
    gone = {store for epilogue in wide for store in epilogue.stores[:-1]}
    changed = program.with_bodies(lambda body: _replaced(body, made, gone))
    return drop_dead_ops(attrs.evolve(changed, blocks=(*program.blocks, *columns)))


def _columns(axis: Axis, index: int, number: int, lanes: int) -> BlockSize:
    """The columns of one part of an epilogue."""
    return BlockSize(
        index=index,
        name=f"{axis.name}_columns",
        symbol=sympy.Symbol(f"c{number}", integer=True, positive=True),
        size_hint=lanes,
        fixed=lanes,
    )


def _in_parts(epilogue: Epilogue, columns: BlockSize, parts: int) -> list[Op]:
    """What stands for an epilogue: its full values cut, and then its parts."""
    axes = [_axis(epilogue.axis, columns, number) for number in range(parts)]
    retilers = [Retiler(epilogue.axis, axis) for axis in axes]
    location = epilogue.stores[-1].location
    cuts = [
        Cut(
            results=tuple(
                retiler.copy(value, f"{value.name}_part{number}")
                for number, retiler in enumerate(retilers)
            ),
            operand=value,
            dim=value.type.shape.index(epilogue.axis.size),
            location=location,
        )
        for value in epilogue.cut
    ]
    bodies = [Block(ops=tuple(map(retiler.op, epilogue.ops))) for retiler in retilers]
    done = [
        Part(axis=axis, body=body, location=location)
        for axis, body in zip(axes, bodies, strict=True)
    ]
    return [*cuts, *done]


def _axis(whole: Axis, columns: BlockSize, number: int) -> Axis:
    """The part of a tile's axis, or of a whole axis, with the columns of one number."""
    assert columns.fixed is not None
    first = whole.begin if whole.offset is None else whole.offset
    return Axis(
        name=f"{whole.name}_part{number}",
        block=columns,
        begin=first + number * columns.fixed,
        end=whole.end,
        offset=sympy.Symbol(f"{columns.symbol}_{number}", integer=True, nonnegative=True),
        cuts=whole,
    )


def _replaced(block: Block, made: dict[Store, list[Op]], gone: set[Store]) -> Block:
    """A block with the last store of each epilogue replaced by the whole of it in parts."""
    ops: list[Op] = []
    for op in block.ops:
        if isinstance(op, Store) and op in made:
            ops += made[op]
        elif op not in gone:
            ops.append(with_blocks(op, lambda inner: _replaced(inner, made, gone)))
    return attrs.evolve(block, ops=tuple(ops))
