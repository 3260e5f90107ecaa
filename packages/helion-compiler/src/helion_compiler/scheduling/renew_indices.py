"""Compute the indices and masks of a tile anew behind a loop of products, instead of holding them through it.

What guards the loads before such a loop guards the stores behind it, too: whether a row is one of its item. A thread
has seven predicates. Where rows' conditions take some of them all through the loop, ptxas puts the instructions for the
next copies between the barrier and the first product, which then begins 60 to 90 instructions later, while the matrix
units wait. Ragged attention takes 218 µs on an H200 in tiles of 64 by 64 and 197 with its conditions computed anew, 222
and 198 in tiles of 128 by 32; attention over blocks of 32 in two warps takes 75 and 68.

In: a Program as it will be emitted. Out: an equivalent Program. What follows the last loop of products in a block is a
:class:`Part` whose axis is the tile's again, from a begin of which no compiler knows that it is the same; and so are
what this reads of indices, and of comparisons with them.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import attrs
import sympy
import torch

from helion_compiler.program.access import accessed_shape
from helion_compiler.program.divisors import Divisors
from helion_compiler.program.fields import blocks, made_by, operands, results, with_blocks
from helion_compiler.program.lane_ops import Renew
from helion_compiler.program.ops import (
    Atomic,
    Block,
    Broadcast,
    Dot,
    Full,
    Load,
    Loop,
    Number,
    Part,
    Pointwise,
    Range,
    Squeeze,
    Store,
    Unsqueeze,
)
from helion_compiler.program.program import walk
from helion_compiler.program.sources import sources_of
from helion_compiler.program.types import Axis, TileType, Value
from helion_compiler.scheduling.retile import Copier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from helion_compiler.program.ops import Op
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Size

_CHEAP = (Broadcast, Pointwise, Squeeze, Unsqueeze)


def renew_indices(program: Program, lanes: Callable[[Size], int]) -> Program:
    """``program`` with indices and masks renewed; ``lanes`` tells how many a size has."""
    if not any(isinstance(op, Dot) for op in program.walk()):
        return program
    renewer = _Renewer(Divisors(program), lanes)
    grids = tuple(
        attrs.evolve(grid, body=renewer.block(grid.body, grid.axes, {})) for grid in program.grids
    )
    return attrs.evolve(program, grids=grids)


class _Renewer:
    def __init__(self, divisors: Divisors, lanes: Callable[[Size], int]) -> None:
        self._divisors = divisors
        self._lanes = lanes
        self._numbers = 0

    def block(self, block: Block, axes: Sequence[Axis], outside: Mapping[Value, Op]) -> Block:
        """A block inside of loops over ``axes``, with what is ``outside`` of it."""
        made = {**outside, **made_by(block.ops)}
        ops = [
            with_blocks(op, partial(self.block, axes=(*axes, *_axes(op)), outside=made))
            for op in block.ops
        ]
        places = [number for number, op in enumerate(ops) if _multiplies(op)]
        if places:
            behind = places[-1] + 1
            loop, rest = ops[behind - 1], ops[behind:]
            if not _hands_on(rest, block):
                ops[behind:] = self._renewed(loop, rest, axes, made)
        return attrs.evolve(block, ops=tuple(ops)) if ops != list(block.ops) else block

    def _renewed(
        self, loop: Op, rest: list[Op], axes: Iterable[Axis], made: Mapping[Value, Op]
    ) -> list[Op]:
        """``rest``, which follows ``loop``, along axes that are renewed where that is of use."""
        inside = [op for body in blocks(loop) for op in walk(body)]
        own = made_by(rest)
        earlier = {value: op for value, op in made.items() if value not in own}
        renewed: dict[Axis, Axis] = {}
        again: dict[Op, None] = {}
        begins: list[Op] = []
        for axis in axes:
            along = _Along(axis, earlier)
            copied = along.sources(rest)
            guards = any(_is_condition(op) for op in copied) or (
                not self._is_full(axis) and along.moved(rest)
            )
            if axis.block is None or not guards or along.moved(inside):
                continue
            begins += self._begin(axis, renewed)
            again |= dict.fromkeys(copied)
        if not renewed:
            return rest
        copier = _Copier(renewed)
        order = {op: number for number, op in enumerate(made.values())}
        body = [copier.op(op) for op in sorted(again, key=lambda op: order[op])]
        body += [copier.reading(op) for op in rest]
        for axis in reversed(renewed.values()):
            body = [Part(axis=axis, body=Block(ops=tuple(body)))]
        return [*begins, *body]

    def _is_full(self, axis: Axis) -> bool:
        """Whether no tile along an axis has padding."""
        lanes = 1 if axis.scalar else self._lanes(axis.size)
        return lanes == 1 or self._divisors.divides(lanes, axis.extent, self._lanes)

    def _begin(self, axis: Axis, renewed: dict[Axis, Axis]) -> list[Op]:
        """The ops that find out again where an axis's tile begins; the axis that begins there goes to ``renewed``."""
        number = self._numbers
        self._numbers += 1
        begin = sympy.Symbol(f"r{number}", integer=True)
        offset = sympy.Symbol(f"r{number}_0", integer=True, nonnegative=True)
        scalar = TileType(torch.int32, ())
        held, same = Value(f"{axis.name}_first", scalar), Value(f"{axis.name}_again", scalar)
        renewed[axis] = attrs.evolve(axis, begin=begin, offset=offset, cuts=axis)
        assert axis.offset is not None
        return [
            Full(result=held, fill=axis.offset),
            Renew(result=same, operand=held, times=1),
            Number(symbol=begin, operand=same),
        ]


class _Copier(Copier):
    """Copies ops to work along other axes of the same lanes."""

    def __init__(self, axes: Mapping[Axis, Axis]) -> None:
        super().__init__()
        self._axes = axes

    def _part(self, part: Any) -> Any:
        return self._axes.get(part, part) if isinstance(part, Axis) else super()._part(part)


class _Along:
    """What depends on the indices of a tile along one axis, and on nothing that would have to be loaded again."""

    def __init__(self, axis: Axis, made: Mapping[Value, Op]) -> None:
        self._axis = axis
        self._made = made
        self._known: dict[Value, bool] = {}

    def sources(self, ops: Iterable[Op]) -> list[Op]:
        """What makes those of the values that ``ops`` read."""
        return sources_of(
            (value for op in ops for value in operands(op)), self._made, self._depends
        )

    def moved(self, ops: Iterable[Op]) -> bool:
        """Whether some of ``ops`` moves lanes along the axis, or is told by it which to move."""
        return any(
            isinstance(op, Load | Store | Atomic)
            and (
                self._axis.size in accessed_shape(op.subscripts, op.addresses)
                or any(map(self._depends, operands(op)))
            )
            for op in ops
        )

    def _depends(self, value: Value) -> bool:
        if value not in self._known:
            op = self._made.get(value)
            self._known[value] = (
                op.axis == self._axis
                if isinstance(op, Range)
                else isinstance(op, _CHEAP) and any(map(self._depends, operands(op)))
            )
        return self._known[value]


def _axes(op: Op) -> tuple[Axis, ...]:
    return op.axes if isinstance(op, Loop) else ()


def _multiplies(op: Op) -> bool:
    return isinstance(op, Loop) and any(isinstance(inner, Dot) for inner in walk(op.body))


def _hands_on(rest: Sequence[Op], block: Block) -> bool:
    """Whether what follows cannot be a block of its own: others read what it makes, or it has blocks itself."""
    made = {value for op in rest for value in results(op)}
    return not made.isdisjoint(block.yields) or any(map(blocks, rest))


def _is_condition(op: Op) -> bool:
    return any(value.type.dtype is torch.bool for value in results(op))
