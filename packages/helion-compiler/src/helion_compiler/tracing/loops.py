"""What a staged ``for`` does while tracing: outermost tile loops become grids, inner ones Loops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion import exc
from helion_compiler.program.expressions import with_numbers
from helion_compiler.program.ops import Grid, Load, Loop
from helion_compiler.program.program import accesses
from helion_compiler.program.types import Axis
from helion_compiler.staging import UNBOUND
from helion_compiler.tracing.between_loops import move_before_launch
from helion_compiler.tracing.carrying import Carrying
from helion_compiler.tracing.host import name_buffers
from helion_compiler.tracing.location import here, location
from helion_compiler.tracing.numbers import as_number
from helion_compiler.tracing.tiles import DeviceOnly, TracedRange, TracedTile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from helion_compiler.program.ops import Access, Block
    from helion_compiler.program.types import Size
    from helion_compiler.tracing.state import Trace

    Body = Callable[..., tuple[Any, ...]]


def run_loop(
    trace: Trace,
    range_: TracedRange,
    body: Body,
    names: Sequence[str],
    scope: Mapping[str, Any],
    targets: int | None,
) -> tuple[Any, ...]:
    """A loop over tiles or grid indices: returns what ``names`` hold after it."""
    trace.loops.enter(range_)
    values = tuple(scope.get(name, UNBOUND) for name in names)
    axes, items = _axes(trace, range_, names, targets)
    item = items[0] if range_.single else items
    if trace.on_device:
        return _inner(trace, axes, item, body, names, values)
    name_buffers(trace, scope)
    return _outermost(trace, axes, item, body, names, values)


# Axes.


def _axes(
    trace: Trace, range_: TracedRange, names: Sequence[str], targets: int | None
) -> tuple[tuple[Axis, ...], tuple[Any, ...]]:
    """The axes of a loop, and what its target is given: a tile or an index for each."""
    count = len(range_.ends)
    if targets is not None and (range_.single or targets != count):
        raise exc.FailedToUnpackTile(span=here(), targets=targets, tiles=count)
    name = names[0] if names else "tile"
    numbered = (name, *(f"{name}_{i}" for i in range(1, count)))
    chosen = names[:count] if targets is not None and len(names) >= count else numbered
    made: list[tuple[Axis, Any]] = []
    for bounds in zip(chosen, range_.begins, range_.ends, range_.block_sizes, strict=True):
        around = [*trace.body.axes, *(axis for axis, _ in made)]
        made.append(
            _index(trace, *bounds)
            if range_.scalar
            else _tile(trace, *bounds, range_.jagged, {axis.size for axis in around})
        )
    return tuple(axis for axis, _ in made), tuple(item for _, item in made)


def _tile(
    trace: Trace,
    name: str,
    begin: Any,
    end: Any,
    block_size: Any,
    jagged: torch.Tensor | None,
    taken: set[Size],
) -> tuple[Axis, TracedTile]:
    """``taken`` are the sizes of the loops around: dimensions along two loops are two, however many lanes they have."""
    symbols = trace.symbols
    first, last = trace.number(as_number(trace, begin)), trace.number(as_number(trace, end))
    if isinstance(block_size, torch.SymInt):
        lanes = symbols.lanes(block_size)
        block = next(b for b in trace.body.blocks if b.symbol == lanes)
        if lanes in taken:
            block = trace.body.twin(block)
        size = symbols.value(block.symbol)
    else:
        block, size = trace.body.new_block_size(name, _hint(trace, last, first), fixed=block_size)
    offset = symbols.offset_symbol()
    axis = Axis(
        name=name,
        block=block,
        begin=first,
        end=last,
        offset=symbols.expression(offset),
        ends=None if jagged is None else trace.value_of(jagged),
        parent=None if jagged is None else trace.sizes_of(jagged)[0],
    )
    return axis, TracedTile(trace=trace, axis=axis, size=size, offset=offset)


def _index(trace: Trace, name: str, begin: Any, end: Any, step: Any) -> tuple[Axis, torch.SymInt]:
    offset = trace.symbols.offset_symbol()
    axis = Axis(
        name=name,
        block=None,
        begin=trace.number(as_number(trace, begin)),
        end=trace.number(as_number(trace, end)),
        offset=trace.symbols.expression(offset),
        scalar=True,
        step=trace.number(as_number(trace, step)),
    )
    return axis, offset


def _hint(trace: Trace, end: Any, begin: Any) -> int:
    """The extent of a range for this example, to bound the search of its block size."""
    extent = end - begin
    if isinstance(extent, int):
        return max(extent, 1)
    known = with_numbers(extent, trace.symbols.host_hints)
    limits = [part for part in (known, *known.args) if part.is_Integer]
    if not limits or not (known.is_Integer or type(known).__name__ == "Min"):
        return 1 << 16
    return max(int(limits[0]), 1)


# Outermost loops.


def _outermost(
    trace: Trace,
    axes: tuple[Axis, ...],
    item: Any,
    body: Body,
    names: Sequence[str],
    values: tuple[Any, ...],
) -> tuple[Any, ...]:
    where = location()
    move_before_launch(trace)
    trace.body.open_block(axes)
    with trace.device_phase():
        after = body(item, *values)
    block = trace.body.close_block(axes, ())
    barrier = trace.barrier.take_request() and bool(trace.grids)
    if not barrier:
        _check_independent(trace, block)
    trace.grids.append(Grid(axes=axes, body=block, after_barrier=barrier, location=where))
    return tuple(
        _after_grid(name, old, new) for name, old, new in zip(names, values, after, strict=True)
    )


def _after_grid(name: str, old: Any, new: Any) -> Any:
    if old is not UNBOUND and new is not old and not isinstance(old, DeviceOnly):
        raise exc.CannotModifyHostVariableOnDevice(span=here(), name=name)
    return old if new is old else DeviceOnly(name)


def _check_independent(trace: Trace, block: Block) -> None:
    """Without a barrier, tiles of several loops run in no order: none may touch what another writes."""
    earlier: list[Access] = []
    for grid in reversed(trace.grids):
        earlier += accesses(grid.body)
        if grid.after_barrier:
            break
    owner = trace.plan.owner
    written = {owner(op.buffer) for op in earlier if not isinstance(op, Load)}
    touched = {owner(op.buffer) for op in earlier}
    for op in accesses(block):
        root = owner(op.buffer)
        if root in written or (root in touched and not isinstance(op, Load)):
            raise exc.LoopDependencyError(
                span=None if op.location is None else op.location.span, tensor=op.buffer.name
            )


# Inner loops.


def _inner(
    trace: Trace,
    axes: tuple[Axis, ...],
    item: Any,
    body: Body,
    names: Sequence[str],
    values: tuple[Any, ...],
) -> tuple[Any, ...]:
    where = location()
    carrying = Carrying(trace, names, values)
    while True:
        mark = trace.body.mark()
        trace.body.open_block(axes)
        leaving = body(item, *carrying.enter())
        if carrying.settle(leaving):
            break
        trace.body.rewind(mark)
    yields = carrying.yields(leaving)
    block = trace.body.close_block(axes, yields)
    initial = carrying.initial()
    after, results = carrying.leave(leaving)
    trace.body.append(
        Loop(
            axes=axes,
            initial=initial,
            parameters=carrying.parameters,
            results=results,
            body=block,
            location=where,
        )
    )
    return tuple(after)
