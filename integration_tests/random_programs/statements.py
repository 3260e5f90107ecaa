"""Statements: loops of every kind, choices, assignments and stores."""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING

import attrs
import torch

from .aligning import expanded, sizes_text
from .arithmetic import scalar_condition
from .draft import Index
from .expressions import value
from .shapes import multiplied
from .stores import store
from .tensors import Content
from .values import Dim, RejectedError, Value, epsilon, holds, made

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .draft import Draft
    from .values import Dims

    Statement = Callable[[Draft, int], None]


def block(draft: Draft, statements: int, *, nesting: int = 2) -> None:
    """Some statements; what is made last is stored."""
    for _ in range(statements):
        kind = draft.draws.weighted(STATEMENTS)
        if nesting <= 0 and kind in _NESTING:
            kind = assignment
        try:
            kind(draft, nesting - 1)
        except RejectedError:
            assignment(draft, 0)


def some_dims(draft: Draft, most: int = 3) -> Dims:
    """The dimensions of a value that could be stored: tiles in scope and one or two of known size."""
    tiles = [dim for dim in draft.scope.tiles if draft.draws.chance(0.85)]
    tiles = [dim for dim in tiles if dim.parent is None or dim.parent in tiles]
    dims = list(tiles)
    while len(dims) < most and draft.draws.chance(0.4):
        dim = draft.whole()
        if dim not in dims:
            dims.append(dim)
    return tuple(draft.draws.shuffled(dims[:most]) if draft.draws.chance(0.3) else dims[:most])


def assignment(draft: Draft, _nesting: int) -> None:
    """A value under a new name, which may change in place, and a store of it."""
    one = draft.named(
        value(draft, some_dims(draft), draft.draws.pick(("any", "any", "exact", "int")))
    )
    written = draft.body[-1].partition(" = ")[2]
    computed = any(f" {sign} " in written for sign in "+-*") and "[" not in written
    if computed and draft.draws.chance(
        0.5
    ):  # no view of another value, which may not change in place
        with contextlib.suppress(RejectedError):  # the sum is too large: it stays as it is
            one = _added_to(draft, one)
    if draft.draws.chance(0.5):
        store(draft, one)


def _added_to(draft: Draft, one: Value) -> Value:
    """``one`` after something was added to it in place.

    Raises:
        RejectedError: nothing could be; ``one`` is as it was.
    """
    other = value(draft, (), "any", 1)
    if other.dtype != one.dtype:
        return one
    changed = made(
        f"{one.text} + {other.text}",
        one.dtype,
        one.dims,
        (one.low + other.low, one.high + other.high),
        error=one.error + other.error,
        grain=min(one.grain, other.grain),
    )
    draft.line(f"{one.text} += {other.text}")
    draft.scope.values.remove(one)
    one = attrs.evolve(changed, text=one.text)
    draft.scope.values.append(one)
    return one


# Values that loops carry.


@attrs.frozen
class Carried:
    """A name that a loop changes: what it starts as, and how one turn changes it."""

    name: str
    dims: Dims
    dtype: torch.dtype
    start: Value
    plain: bool
    """Whether it starts as a number of Python."""


def _start(
    draft: Draft, dims: Dims, dtype: torch.dtype, number: int, *, tensor: bool = False
) -> Carried:
    """Assign what a carried name starts as."""
    name = draft.fresh("acc")
    plain = not tensor and draft.draws.chance(0.2)
    shape = sizes_text(dims)
    if plain:
        shown = f"{float(number)}" if dtype.is_floating_point else str(number)
        draft.line(f"{name} = {shown}")
    else:
        make = draft.draws.pick(("hl.full({}, {}, dtype={})", "torch.full({}, {}, dtype={})"))
        if number == 0:
            make = draft.draws.pick((make, "hl.zeros({0}, dtype={2})"))
        draft.line(f"{name} = {make.format(shape, number, dtype)}")
    start = Value(name, dtype, dims, number, number)
    return Carried(name, dims, dtype, start, plain)


def _finish(draft: Draft, carried: Carried, after: Value) -> None:
    """What holds the result behind the loop."""
    if carried.plain:
        name = draft.fresh("v")
        draft.line(
            f"{name} = hl.zeros({sizes_text(carried.dims)}, dtype={carried.dtype}) + {carried.name}"
        )
        after = attrs.evolve(after, text=name)
    draft.scope.values.append(after)
    if draft.draws.chance(0.7):
        store(draft, after)


def _loop_values(turns: int, start: Value, step: Value, dtype: torch.dtype) -> Value:
    """A sum of ``turns`` steps, rounded at each."""
    low = start.low + min(turns * step.low, 0)
    high = start.high + max(turns * step.high, 0)
    grain = min(start.grain, step.grain) if step.exact else 0
    error = turns * step.error
    if dtype.is_floating_point and not holds(dtype, max(-low, high), grain):
        error += turns * epsilon(dtype) * max(-low, high)
    return made(start.text, dtype, start.dims, (low, high), error=error, grain=grain)


_REDUCERS = {
    "sum": "{0} + {1}",
    "amax": "torch.maximum({0}, {1})",
    "amin": "torch.minimum({0}, {1})",
}


def tile_loop(draft: Draft, nesting: int) -> None:
    """An inner tile loop that accumulates, along one or two axes, and may store."""
    outer = some_dims(draft, 2)
    axes = new_axes(draft, draft.draws.pick((1, 1, 1, 2)))
    _accumulating(draft, outer, axes, header_of(draft, axes), nesting)


def header_of(draft: Draft, axes: Sequence[Dim]) -> str:
    """The line that begins a tile loop over these."""
    names = ", ".join(axis.name for axis in axes)
    if len(axes) == 1:
        (axis,) = axes
        end = draft.sized(axis.end) if axis.end else "0"
        bounds = f"{axis.begin}, {end}" if axis.begin else end
        fixed = (
            f", block_size={draft.draws.pick((1, 2, 4, 8, 16))}" if draft.draws.chance(0.1) else ""
        )
        return f"for {names} in hl.tile({bounds}{fixed}):"
    begins = ", ".join(str(axis.begin) for axis in axes)
    ends = ", ".join(str(axis.end) for axis in axes)
    if any(axis.begin for axis in axes):
        return f"for {names} in hl.tile([{begins}], [{ends}]):"
    return f"for {names} in hl.tile([{ends}]):"


def new_axes(draft: Draft, count: int) -> list[Dim]:
    """What an inner loop runs over."""
    sizes = (0, 1, 2, 3, 4, 5, 7, 8, 9, 13, 16, 17, 31, 33)
    made_axes = []
    for _ in range(count):
        begin = draft.draws.integer(1, 3) if draft.draws.chance(0.1) else 0
        made_axes.append(
            Dim(
                draft.fresh("t"),
                draft.draws.pick(sizes if draft.draws.chance(0.2) else sizes[1:]),
                tile=True,
                begin=begin,
            )
        )
    return made_axes


def _accumulating(
    draft: Draft, outer: Dims, axes: Sequence[Dim], header: str, nesting: int
) -> None:
    """``acc = acc + reduced`` over the axes of a loop whose tiles may be of any size."""
    kind = draft.draws.pick(("sum", "sum", "sum", "amax", "amin", "dot"))
    outer = tuple(dim for dim in outer if not dim.parent)
    dotted = kind == "dot" and len(outer) == 2 and len(axes) == 1 and not axes[0].parent
    kind = "sum" if kind == "dot" else kind
    dtype = (
        torch.float32
        if dotted
        else draft.draws.pick(
            (torch.float32, torch.int32, torch.float64, torch.int64, torch.float16)
        )
    )
    number = {"sum": 0, "amax": -9, "amin": 9}[kind]
    carried = _start(draft, outer, dtype, number, tensor=kind != "sum")
    draft.line(header)
    with draft.indented():
        draft.scope.tiles.extend(axes)
        draft.owners.extend(axes)
        if draft.draws.chance(0.3):
            block(draft, 1, nesting=nesting)
        if dotted:
            row, column = outer
            lhs = value(draft, (row, axes[0]), "float", 2)
            rhs = value(draft, (axes[0], column), "float", 2)
            step = multiplied(draft, lhs, rhs, axes[0], outer)
            step = _dotted(draft, carried, lhs, rhs, step)
        else:
            step = _partial(draft, carried, outer, axes, kind, dtype)
    low, high = carried.start.low, carried.start.high
    turns = 1
    for axis in axes:
        turns *= axis.size
    if kind == "sum":
        after = _loop_values(1 if dotted else turns, carried.start, step, dtype)
    else:
        after = made(
            carried.name,
            dtype,
            outer,
            (min(low, step.low), max(high, step.high)),
            error=step.error,
            grain=step.grain,
        )
    _finish(draft, carried, after)


def _dotted(draft: Draft, carried: Carried, lhs: Value, rhs: Value, step: Value) -> Value:
    name = carried.name
    if step.dtype is torch.float32 and draft.draws.chance(0.4) and not carried.plain:
        forms = (
            f"torch.addmm({name}, {lhs.text}, {rhs.text})",
            f"hl.dot({lhs.text}, {rhs.text}, acc={name})",
        )
        draft.line(f"{name} = {draft.draws.pick(forms)}")
    else:
        draft.line(f"{name} = {name} + ({step.text}).to(torch.float32)")
    return attrs.evolve(step, error=step.error * 2)


def _partial(
    draft: Draft, carried: Carried, outer: Dims, axes: Sequence[Dim], kind: str, dtype: torch.dtype
) -> Value:
    """The part of one tile, reduced over the loop's axes and added."""
    dims = list(outer)
    parents = [axis.parent for axis in axes if axis.parent]
    for parent in parents:
        if parent not in dims:
            raise RejectedError
    for axis in axes:
        at = draft.draws.integer(0, len(dims))
        dims.insert(at, axis)
    step = value(draft, tuple(dims), "any" if dtype.is_floating_point else "int", 3)
    text = step.text
    if any(
        axis.parent for axis in axes
    ):  # what a lane without elements holds may not fit another dtype
        text = f"{text}.to({dtype})"
    if not outer and len(axes) == 2 and draft.draws.chance(0.5):
        text, dims = f"{text}.reshape(-1).{kind}(0)", []
    for axis in [axis for axis in axes if axis in dims]:
        at = dims.index(axis)
        text = f"{text}.{kind}({at})"
        dims.remove(axis)
    added = _REDUCERS[kind].format(carried.name, f"({text}).to({dtype})")
    draft.line(f"{carried.name} = {added}")
    error = step.error
    if (
        kind == "sum" and step.dtype.is_floating_point
    ):  # the sum of a tile is rounded to the dtype summed
        lanes = math.prod(axis.size for axis in axes)
        if not holds(step.dtype, step.bound * lanes, step.grain if step.exact else 0):
            error += epsilon(step.dtype) * step.bound
    return made("", dtype, tuple(dims), (step.low, step.high), error=error, grain=step.grain)


def jagged_loop(draft: Draft, nesting: int) -> None:
    """A loop in which every lane of a tile ends at its own place."""
    parents = [dim for dim in draft.scope.tiles if not dim.parent and not dim.data]
    if not parents:
        raise RejectedError
    parent = draft.draws.pick(parents)
    most = draft.draws.integer(1, 9)
    ends = draft.tensor(
        (parent.end,), draft.draws.pick((torch.int32, torch.int64)), Content(0, most), plain=True
    )
    axis = Dim(draft.fresh("t"), most, tile=True, parent=parent)
    outer = (parent,) if draft.draws.chance(0.7) else (parent, draft.whole())
    _accumulating(
        draft, outer, [axis], f"for {axis.name} in hl.jagged_tile({ends}[{parent.name}]):", 0
    )


def data_loop(draft: Draft, nesting: int) -> None:
    """A tile loop whose bounds are read from a tensor."""
    indices = draft.scope.indices
    if not indices:
        raise RejectedError
    index = draft.draws.pick(indices)
    total = draft.draws.integer(1, 20)
    name = draft.tensor(
        (index.end + 1,), torch.int64, Content(0, total, kind="offsets"), plain=True
    )
    axis = Dim(draft.fresh("t"), total, tile=True, data=True)
    begin, end = draft.fresh("v"), draft.fresh("v")
    draft.line(f"{begin} = {name}[{index.text}]")
    draft.line(f"{end} = {name}[{index.text} + 1]")
    outer = tuple(dim for dim in some_dims(draft, 1))
    _accumulating(draft, outer, [axis], f"for {axis.name} in hl.tile({begin}, {end}):", 0)


def counted_loop(draft: Draft, nesting: int) -> None:
    """A loop over positions, whose body may do anything to what it carries."""
    turns = draft.draws.integer(0, 4)
    position = draft.fresh("i")
    style = draft.draws.integer(0, 6)
    if style <= 1:
        header = f"for {position} in hl.grid({draft.sized(turns)}):"
    elif style == 2:
        header = f"for {position} in range({turns}):"
    elif style == 3:
        header = f"for {position} in hl.static_range({turns}):"
    elif style == 4:
        header = f"for {position} in {list(range(turns))}:"
    elif style == 5:
        end = value(draft, (), "integral", 1)
        if end.dtype.is_floating_point or end.low < 0 or end.high > 6:
            raise RejectedError
        turns = int(end.high)
        header = f"for {position} in {draft.draws.pick(('range', 'hl.grid'))}({end.text}):"
    else:
        header = f"for {position} in hl.grid(0, {2 * turns}, 2):"
    end_of_positions = 2 * turns if style == 6 else turns
    carried = _carried_anything(draft)
    draft.line(header)
    with draft.indented():
        index = Index(position, max(end_of_positions, 1), sparse=style >= 5 or not turns)
        draft.scope.indices.append(index)
        draft.owners.append(index)
        if draft.draws.chance(0.4):
            block(draft, 1, nesting=nesting)
        after = _turn(draft, carried, max(turns, 1))
    _finish(draft, carried, after)


def _carried_anything(draft: Draft) -> Carried:
    dims = some_dims(draft, 2)
    dims = tuple(dim for dim in dims if not dim.parent)
    dtype = draft.draws.pick(
        (torch.float32, torch.int32, torch.float64, torch.int64, torch.float16)
    )
    return _start(draft, dims, dtype, draft.draws.integer(0, 2))


def _turn(draft: Draft, carried: Carried, turns: int) -> Value:
    """One turn of a loop whose order is the program's: what the carried name is after all turns."""
    dtype, name, start = carried.dtype, carried.name, carried.start
    kind = "any" if dtype.is_floating_point else "int"
    step = value(draft, carried.dims, kind, 2)
    shown = step.text if step.dtype == dtype and not carried.plain else f"{step.text}.to({dtype})"
    step = made(shown, dtype, step.dims, (step.low, step.high), error=step.error, grain=step.grain)
    low, high = min(start.low, step.low), max(start.high, step.high)
    style = draft.draws.integer(0, 4)
    if style == 0:
        draft.line(
            f"{name} = torch.maximum(hl.zeros({sizes_text(carried.dims)}, dtype={dtype}) + {name}, {shown})"
        )
        return made(name, dtype, carried.dims, (low, high), error=step.error, grain=step.grain)
    if style == 1:
        condition = expanded(draft, value(draft, carried.dims, "bool", 2), carried.dims)
        draft.line(f"{name} = torch.where({condition.text}, {name}, {shown})")
        return made(name, dtype, carried.dims, (low, high), error=step.error, grain=step.grain)
    if style == 2 and dtype.is_floating_point:
        draft.line(f"{name} = {name} * 0.5 + {shown}")
        bound = start.bound + 2 * step.bound
        return made(
            name,
            dtype,
            carried.dims,
            (-bound, bound),
            error=2 * step.error + 1e-30 + bound * 2.0**-9 * (dtype is torch.float16),
        )
    text = f"{name} += {shown}" if style == 3 else f"{name} = {shown} + {name}"
    draft.line(text)
    return _loop_values(turns, start, step, dtype)


def while_loop(draft: Draft, nesting: int) -> None:
    """A loop until a scalar says so."""
    limit = draft.draws.integer(0, 4)
    shown = str(limit)
    if draft.draws.chance(0.5):
        end = value(draft, (), "integral", 1)
        if end.dtype.is_floating_point or end.high > 6:
            raise RejectedError
        shown, limit = end.text, max(int(end.high), 0)
    carried = _carried_anything(draft)
    position = draft.fresh("j")
    draft.line(f"{position} = 0")
    draft.line(f"while {position} < {shown}:")
    with draft.indented():
        draft.line(f"{position} = {position} + 1")  # first: the turn may be given up half way
        after = _turn(draft, carried, max(limit, 1))
    _finish(draft, carried, after)


def choice(draft: Draft, nesting: int) -> None:
    """``if`` on a scalar: names that ways change, stores that ways make."""
    carried = _carried_anything(draft)
    condition = scalar_condition(draft)
    afters = [carried.start]
    ways = ["if"] + ["elif"] * draft.draws.chance(0.3) + ["else"] * draft.draws.chance(0.6)
    for way in ways:
        head = "else:" if way == "else" else f"{way} {condition}:"
        if way == "elif":
            # What decides is written before the statement.
            head = f"elif {_index_condition(draft)}:"
        draft.line(head)
        with draft.indented():
            afters.append(_turn(draft, carried, 1))
            if draft.draws.chance(0.3):
                store(draft, draft.named(value(draft, some_dims(draft), "any", 1)), sometimes=True)
    after = Value(
        carried.name,
        carried.dtype,
        carried.dims,
        min(v.low for v in afters),
        max(v.high for v in afters),
        max(v.error for v in afters),
        min(v.grain for v in afters),
    )
    _finish(draft, carried, after)


def _index_condition(draft: Draft) -> str:
    indices = draft.scope.indices
    return f"{draft.draws.pick(indices).text} % 3 == 1" if indices else "1 > 2"


STATEMENTS: list[tuple[float, Statement]] = [
    (5, assignment),
    (3, tile_loop),
    (1, jagged_loop),
    (1.5, data_loop),
    (2, counted_loop),
    (1, while_loop),
    (1.5, choice),
]
_NESTING: set[Statement] = {tile_loop, jagged_loop, data_loop, counted_loop, while_loop, choice}


def statement(weight: float) -> Callable[[Statement], Statement]:
    """Register a statement that holds others."""

    def register(function: Statement) -> Statement:
        STATEMENTS.append((weight, function))
        _NESTING.add(function)
        return function

    return register
