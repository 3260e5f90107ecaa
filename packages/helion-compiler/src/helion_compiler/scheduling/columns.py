"""From a store back to the accumulators that it stores, along the columns of these: what lies between, and whether it
can be done for some of the columns at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from helion_compiler.program.fields import operands, results
from helion_compiler.program.lane_ops import Join, Random, Split
from helion_compiler.program.ops import (
    Broadcast,
    Fold,
    Full,
    If,
    Load,
    Loop,
    Mask,
    Op,
    Permute,
    Pick,
    Pointwise,
    Range,
    Reduce,
    Reshape,
    Sort,
    Squeeze,
    Store,
    Unsqueeze,
    While,
)
from helion_compiler.program.types import TileSlice, WholeSlice
from helion_compiler.scheduling.carried_products import LANE_BY_LANE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Axis, Size, Subscript, Value


class NotCuttable(Exception):  # noqa: N818  # the answer to a question, not a failure
    """Why a store of a product cannot be done in parts."""


@attrs.frozen(eq=False)
class Trail:
    """The way from accumulators to one store along ``axis``.

    ``ops`` can be done in parts, the store aside; ``cut`` is what they read and has to be computed in full;
    ``derived`` are the accumulators and what ``ops`` compute of them.
    """

    store: Store
    axis: Axis
    ops: frozenset[Op]
    cut: tuple[Value, ...]
    derived: frozenset[Value]


def stored_axis(store: Store, roots: frozenset[Value], makers: Mapping[Value, Op]) -> Axis:
    """The axis of a store along which the columns of its accumulators lie.

    Raises:
        NotCuttable: there is none.
    """
    sizes = {root.type.shape[-1] for root in roots}
    if len(sizes) > 1:
        raise NotCuttable("it stores accumulators of several widths")
    (size,) = sizes
    entries = [entry for entry in store.subscripts if _size(entry) == size]
    if len(entries) == 1 and (axis := _axis(entries[0])) is not None:
        return axis
    paths = (_path(value, roots, makers, set()) for value in operands(store))
    reasons = [_why(path) for path in paths if path is not None]
    found = next((reason for reason in reasons if reason is not None), None)
    raise NotCuttable(found or "it is not stored by the tile of its columns, from their beginning")


def trail(
    program: Program,
    store: Store,
    axis: Axis,
    roots: frozenset[Value],
    makers: Mapping[Value, Op],
) -> Trail:
    """What lies between ``roots`` and their store along ``axis``; ``makers`` are the ops of the store's block.

    Raises:
        NotCuttable: something there needs all columns at once, or the memory does.
    """
    ops: set[Op] = set()
    cut: dict[Value, None] = {}
    seen: set[Value] = set()
    pending = list(operands(store))
    while pending:
        value = pending.pop()
        if value in seen:
            continue
        seen.add(value)
        if value.type.shape.count(axis.size) > 1:
            raise NotCuttable("a value has two dimensions of the size of its columns")
        maker = makers.get(value)
        if axis.size not in value.type.shape:
            _require_independent(value, roots, makers)
        elif maker is not None and value not in roots and _copies(program, maker, store, axis):
            ops.add(maker)
            pending += operands(maker)
        else:
            cut[value] = None
            if value not in roots:
                _require_independent(value, roots, makers)
    _check_memory(program, store, ops)
    derived = {*roots.intersection(cut), *_derived(ops, roots)}
    return Trail(store, axis, frozenset(ops), tuple(cut), frozenset(derived))


def _derived(ops: set[Op], roots: frozenset[Value]) -> set[Value]:
    """What ``ops`` compute of ``roots``."""
    found = set(roots)
    while True:
        more = {v for op in ops if not found.isdisjoint(operands(op)) for v in results(op)} - found
        if not more:
            return found - roots
        found |= more


def _copies(program: Program, op: Op, store: Store, axis: Axis) -> bool:
    """Whether an op can be done for part of the axis: its lanes are computed each of their own."""
    match op:
        case Full() | Pointwise() | Broadcast() | Unsqueeze() | Squeeze() | Permute() | Random():
            return True
        case Mask():
            along = op.operand.type.shape[op.dim] == axis.size
            return not along or op.axis == (None if axis.whole else axis)
        case Range():
            return op.axis == axis
        case Load():
            kept = program.owner(op.buffer) not in program.written() or _same_place(op, store)
            runs = [entry for entry in op.subscripts if _size(entry) == axis.size]
            return kept and op.addresses is None and all(_axis(entry) == axis for entry in runs)
        case _:
            return False


def _check_memory(program: Program, store: Store, ops: set[Op]) -> None:
    """Refuse a store where other accesses rely on it that each lane is the same thread's in all of them."""
    for other in program.accesses():
        if other is not store and _same_place(other, store) and other not in ops:
            raise NotCuttable("the same place is read or written elsewhere too")


def _same_place(op: Op, store: Store) -> bool:
    """Whether an access goes where a store does: no fence is between such."""
    place = (getattr(op, "buffer", None), getattr(op, "subscripts", ()))
    return place == (store.buffer, store.subscripts) and op.addresses is store.addresses  # type: ignore[union-attr]  # what has a buffer has these


def _size(entry: Subscript) -> Size | None:
    """The size that a tile or a slice selects; values have sizes of their own."""
    if not isinstance(entry, TileSlice | WholeSlice) or entry.axis is None:
        return None
    return entry.axis.size


def _axis(entry: Subscript) -> Axis | None:
    """The axis of a subscript that selects a tile of it, or all of it from the beginning."""
    match entry:
        case TileSlice():
            return entry.axis
        case WholeSlice(begin=0, step=1):
            return entry.axis
        case _:
            return None


def _require_independent(value: Value, roots: frozenset[Value], makers: Mapping[Value, Op]) -> None:
    """Refuse a value that is needed in full and computed of accumulators."""
    path = _path(value, roots, makers, set())
    if path is not None:
        raise NotCuttable(_why(path) or "its columns are used all at once")


def _path(
    value: Value, roots: frozenset[Value], makers: Mapping[Value, Op], seen: set[Value]
) -> list[Op] | None:
    """Ops that lead from one of ``roots`` to a value, in order; None if none do."""
    if value in roots:
        return []
    maker = makers.get(value)
    if maker is None or value in seen:
        return None
    seen.add(value)
    for operand in operands(maker):
        path = _path(operand, roots, makers, seen)
        if path is not None:
            return [*path, maker]
    return None


def _why(path: list[Op]) -> str | None:
    """What the first op of a path does that needs all columns; None if all ops work lane by lane."""
    op = next((op for op in path if not isinstance(op, LANE_BY_LANE)), None)
    if op is None:
        return None
    kinds = (reason for types, reason in _WHOLE_ONLY.items() if isinstance(op, types))
    return next(kinds, f"a {type(op).__name__.lower()} of the accumulator comes before the store")


_WHOLE_ONLY: dict[tuple[type, ...], str] = {
    (Reduce, Fold): "a reduction or a scan of the accumulator comes before the store",
    (Reshape, Pick, Sort, Split, Join): "the accumulator's lanes are rearranged before the store",
    (Load, Loop, While, If): "more than arithmetic comes between the accumulator and the store",
}
