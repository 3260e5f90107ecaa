"""Who does what where a kernel's warps have roles: one warp copies tiles ahead, groups of four warps compute.

In: a Program. Out: its ops by what becomes of them. The pattern is attention's (Shah et al., 2024,
https://arxiv.org/abs/2407.08608), and of whatever else multiplies, makes weights of the products, and multiplies by
these. Loops follow each other and go on with each other's carried values; a turn of theirs is

    load ─► first product ─► front ─► second product      the first's left operand is loaded before the loops
                    load ──────────────┘   ▲
                carried accumulator ─► rescale

so that the tensor cores may do a turn's first product and the second one of the turn before it together, while the
groups compute the front of the turn. Rows of the products, of which each group has its share, never meet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import torch

from helion_compiler.program.fields import blocks, operands, replaced, results, symbols
from helion_compiler.program.ops import (
    Block,
    Broadcast,
    Dot,
    Full,
    Iota,
    Load,
    Loop,
    Mask,
    Number,
    Op,
    Permute,
    Pointwise,
    Range,
    Reduce,
    Squeeze,
    Store,
    Unsqueeze,
)
from helion_compiler.program.program import count_uses
from helion_compiler.torch_bridge.symbolic import smaller

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Axis, Size, Value

GROUP_ROWS = 64
"""Rows of a product that a group of warps has: what one of its matrix instructions takes, at least."""
GROUP_WARPS = 4
_FACTORS = (torch.bfloat16, torch.float16)
_COMPUTING = (Pointwise, Reduce, Mask, Full, Range, Iota, Number, Unsqueeze, Squeeze, Broadcast)


class NotDivided(Exception):  # noqa: N818  # the answer to a question, not a failure
    """Why the warps of a kernel have no roles."""


@attrs.frozen(eq=False)
class Operand:
    """A right operand of a product: what is loaded, and how its dimensions are moved."""

    load: Load
    moves: tuple[Permute, ...]


@attrs.frozen(eq=False)
class Turn:
    """What a turn of one of the loops does. ``copied`` are the right operands of its two products, ``accumulator`` the
    position of the one carried value that the second product adds to.
    """

    loop: Loop
    copied: tuple[Operand, Operand]
    first: Dot
    front: tuple[Op, ...]
    rescale: tuple[Op, ...]
    second: Dot
    accumulator: int

    @property
    def axis(self) -> Axis:
        """The axis that the loop walks along."""
        return self.loop.axes[0]


@attrs.frozen(eq=False)
class WarpRoles:
    """The ops of the one grid by what becomes of them: ``kept`` is loaded once a tile, ``before`` and ``after`` are
    what the groups compute around the ``turns`` of the loops. ``rows`` is the axis of which each group has a part; of
    those whose sizes are ``single``, a tile has one index.
    """

    rows: Axis
    single: frozenset[Size]
    kept: Load
    before: tuple[Op, ...]
    turns: tuple[Turn, ...]
    after: tuple[Op, ...]

    @property
    def matrices(self) -> tuple[Store, ...]:
        """What is stored of rows and columns."""
        stores = (op for op in self.after if isinstance(op, Store))
        return tuple(op for op in stores if len(self.lasting(op.value.type.shape)) > 1)

    def lasting(self, shape: Sequence[Size]) -> tuple[Size, ...]:
        """The sizes of a shape that have several lanes."""
        return tuple(size for size in shape if size != 1 and size not in self.single)

    @property
    def described(self) -> tuple[Load, ...]:
        """What is loaded through tensor descriptors."""
        return (self.kept, *(operand.load for turn in self.turns for operand in turn.copied))


def warp_roles(program: Program, described: Collection[str]) -> WarpRoles:
    """The roles of a Program's warps; ``described`` names the accesses that tensor descriptors can serve.

    Raises:
        NotDivided: it has no such loops, or something in them that the roles have no place for.
    """
    if len(program.grids) > 1 or program.barrier is not None:
        raise NotDivided("the kernel has several grids")
    body = program.grids[0].body
    loops = [op for op in body.ops if isinstance(op, Loop)]
    if not loops or any(blocks(op) for op in body.ops if op not in loops):
        raise NotDivided("the kernel is no loop of tiles, or several that follow each other")
    first, last = body.ops.index(loops[0]), body.ops.index(loops[-1])
    if last - first + 1 != len(loops):
        raise NotDivided("something is done between the loops")
    turns = tuple(_turn(loop) for loop in loops)
    kept = _loaded(turns[0].first.lhs, body.ops[:first], "left operand of the first product").load
    rows = _rows(program, turns)
    before = tuple(op for op in body.ops[:first] if op is not kept)
    single = frozenset(axis.size for axis in program.grids[0].axes if axis != rows)
    roles = WarpRoles(rows, single, kept, before, turns, body.ops[last + 1 :])
    _check_uses(body, roles)
    _check_loops(program, roles)
    _check_ops(roles)
    _check_positions(roles)
    unknown = [load.name for load in roles.described if load.name not in described]
    if unknown:
        raise NotDivided(f"no tensor descriptor serves {', '.join(unknown)}")
    return roles


def _turn(loop: Loop) -> Turn:
    """The parts of a loop's body."""
    body = loop.body
    if len(loop.axes) != 1 or loop.axes[0].scalar or loop.axes[0].ends is not None:
        raise NotDivided("a loop walks along several axes, or a jagged one")
    dots = [op for op in body.ops if isinstance(op, Dot)]
    if len(dots) != 2:
        raise NotDivided("a turn has not two matrix products, of which one feeds the other")
    first, second = dots
    copied = (
        _loaded(first.rhs, body.ops, "right operand of the first product"),
        _loaded(second.rhs, body.ops, "right operand of the second product"),
    )
    places = [place for place, value in enumerate(body.yields) if value is second.result]
    if len(places) != 1 or first.accumulator is not None:
        raise NotDivided("the second product of a turn is not what one carried value becomes")
    moved = [op for operand in copied for op in (operand.load, *operand.moves)]
    rest = [op for op in body.ops if op not in dots and op not in moved]
    carried = loop.parameters[places[0]]
    rescale = _behind(carried, rest)
    front = tuple(op for op in rest if op not in rescale)
    _check_turn(loop, carried, front, rescale, second)
    return Turn(loop, copied, first, front, rescale, second, places[0])


def _behind(value: Value, ops: Iterable[Op]) -> tuple[Op, ...]:
    """The ops that need ``value``, or what others make of it."""
    known, found = {value}, []
    for op in ops:
        if not known.isdisjoint(operands(op)):
            known |= set(results(op))
            found.append(op)
    return tuple(found)


def _check_turn(
    loop: Loop, carried: Value, front: Sequence[Op], rescale: Sequence[Op], second: Dot
) -> None:
    """The accumulator is rescaled and added to; whatever else a turn computes needs nothing of it."""
    of_accumulator = {carried, *(value for op in rescale for value in results(op))}
    if second.accumulator not in of_accumulator:
        raise NotDivided("the second product of a turn does not add to a carried value")
    needed = {value for op in front for value in operands(op)} | {second.lhs, second.rhs}
    handed_on = set(loop.body.yields) - {second.result}
    if second.result in needed or not of_accumulator.isdisjoint(needed | handed_on):
        raise NotDivided("a turn uses its accumulator for more than the second product")


def _loaded(value: Value, ops: Iterable[Op], what: str) -> Operand:
    """The load among ``ops`` that a value is, but for the order of its dimensions."""
    makers = {result: op for op in ops for result in results(op)}
    moves: list[Permute] = []
    while isinstance(op := makers.get(value), Permute):
        moves.insert(0, op)
        value = op.operand
    if not isinstance(op, Load) or op.extra_mask is not None:
        raise NotDivided(f"the {what} is not loaded there, as it is")
    return Operand(op, tuple(moves))


def _rows(program: Program, turns: Sequence[Turn]) -> Axis:
    """The grid's axis that the rows of every product lie along."""
    sizes = {dot.sizes[0] for turn in turns for dot in (turn.first, turn.second)}
    for axis in program.grids[0].axes:
        if sizes == {axis.size} and not axis.scalar:
            return axis
    raise NotDivided("the rows of the products are not those of one axis of the grid")


def _check_uses(body: Block, roles: WarpRoles) -> None:
    """What is copied goes into products alone, and loops hand their values on to each other."""
    uses = count_uses(body)
    operands = [operand for turn in roles.turns for operand in turn.copied]
    once = [one.load.result for one in operands]
    once += [move.result for one in operands for move in one.moves]
    if any(uses[value] > 1 for value in once) or uses[roles.kept.result] > len(roles.turns):
        raise NotDivided("what is loaded is used for more than a product")
    if any(turn.first.lhs is not roles.kept.result for turn in roles.turns):
        raise NotDivided("the loops multiply different tiles")
    for turn, after in zip(roles.turns, roles.turns[1:], strict=False):
        handed = turn.loop.results
        if after.loop.initial != handed or any(uses[value] > 1 for value in handed):
            raise NotDivided("a loop does not go on with all that the loop before it carried")


def _check_loops(program: Program, roles: WarpRoles) -> None:
    """Loops do the same with tiles and accumulator, and one of them runs."""
    first, *rest = roles.turns
    for other in rest:
        if other.accumulator != first.accumulator or not _same_work(first, other):
            raise NotDivided("the loops do not load and accumulate alike")
    if not any(_surely_runs(program, roles.rows, turn.axis) for turn in roles.turns):
        raise NotDivided("the loops may have no turn at all")


def _same_work(first: Turn, other: Turn) -> bool:
    """Whether two turns copy and rescale alike, but for names, their own axes, and what the fronts computed."""
    pairs: dict[Any, Any] = {first.axis: other.axis, first.axis.size: other.axis.size}
    for one, its in zip(first.copied, other.copied, strict=True):
        subscripts = replaced(one.load.subscripts, _renaming(pairs))
        if one.load.buffer is not its.load.buffer or subscripts != its.load.subscripts:
            return False
        if [op.order for op in one.moves] != [op.order for op in its.moves]:
            return False
    if len(first.rescale) != len(other.rescale):
        return False
    for op, twin in zip(first.rescale, other.rescale, strict=True):
        inside = (operands(op), operands(twin)), (results(op), results(twin))
        for values, twins in inside:
            if len(values) != len(twins):
                return False
            for value, same in zip(values, twins, strict=True):
                if pairs.setdefault(value, same) is not same:
                    return False
        if not _alike(op, twin, pairs):
            return False
    ends = first.second.accumulator, other.second.accumulator
    return not first.rescale or pairs.get(ends[0]) is ends[1]


def _alike(op: Op, twin: Op, pairs: dict[Any, Any]) -> bool:
    """Whether two ops are equal once the values of the first are exchanged for their pairs."""
    if type(op) is not type(twin):
        return False
    for field in attrs.fields(type(op)):
        if field.name in ("location", "name"):
            continue
        renamed = replaced(getattr(op, field.name), _renaming(pairs))
        if renamed != getattr(twin, field.name):
            return False
    return True


def _renaming(pairs: dict[Any, Any]) -> Any:
    def change(part: Any) -> Any:
        try:
            return pairs.get(part, part)
        except TypeError:  # a mapping, which has no hash
            return part

    return change


def _surely_runs(program: Program, rows: Axis, axis: Axis) -> bool:
    """Whether an axis has an index in every tile of the grid: it has a known extent, or is the rows' own tile."""
    extent = program.resolve(axis.extent)
    if isinstance(extent, int) or extent.is_positive:
        return bool(extent > 0)
    assert rows.block is not None
    tile_end = smaller(rows.end, rows.offset + rows.block.symbol)
    return program.same(axis.begin, rows.offset) and program.same(axis.end, tile_end)


def _check_ops(roles: WarpRoles) -> None:
    """Groups have rows of their own, and compute in registers."""
    inside = [op for turn in roles.turns for op in (*turn.front, *turn.rescale)]
    for op in (*roles.before, *inside, *roles.after):
        if isinstance(op, Store) and op in roles.after:
            continue
        if not isinstance(op, _COMPUTING):
            raise NotDivided(f"its groups of warps have no place for {type(op).__name__}")
        if isinstance(op, Reduce) and op.operand.type.shape[op.dim] == roles.rows.size:
            raise NotDivided("something is reduced along the rows that groups of warps share")
        if not all(_is_of_rows(value, roles) for value in results(op)):
            raise NotDivided(
                "its groups of warps compute with rows of the products, and with columns of their own"
            )
    for turn in roles.turns:
        for dot in (turn.first, turn.second):
            dtypes = {dot.lhs.type.dtype, dot.rhs.type.dtype}
            if len(dtypes) > 1 or dtypes.isdisjoint(_FACTORS):
                raise NotDivided("the products are not of bfloat16 or float16")
            if dot.accumulate != torch.float32:
                raise NotDivided("the products are not summed in float32")
        if turn.second.result.type.dtype != torch.float32:
            raise NotDivided("the accumulator is not of float32")


def _check_positions(roles: WarpRoles) -> None:
    """The warp that copies computes nothing but positions."""
    ops = (*roles.before, *(op for turn in roles.turns for op in turn.front))
    computed = {op.symbol for op in ops if isinstance(op, Number)}
    placed: list[Op] = [*roles.described, *(turn.loop for turn in roles.turns)]
    if any(not computed.isdisjoint(symbols(op)) for op in placed):
        raise NotDivided("where something is copied from is computed by the groups")


def _is_of_rows(value: Value, roles: WarpRoles) -> bool:
    """Whether a value is a number, a vector, or a matrix of the rows that groups share."""
    sizes, rows = roles.lasting(value.type.shape), roles.rows.size
    return len(sizes) < 2 or (len(sizes) == 2 and sizes[0] == rows and sizes[1] != rows)


def share(roles: WarpRoles | None, size: Size) -> bool:
    """Whether each group has its own part of a dimension of this size."""
    return roles is not None and size == roles.rows.size
