"""``hl.tile`` and its like, and ``hl.barrier``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion import exc
from helion.language import Tile
from helion_compiler.tracing.location import here
from helion_compiler.tracing.meanings.registry import describe, meaning
from helion_compiler.tracing.numbers import as_number, is_device_integer
from helion_compiler.tracing.tiles import TracedRange

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion_compiler.tracing.state import Trace


@meaning
def tile(trace: Trace, begin_or_end: Any, end: Any = None, block_size: Any = None) -> TracedRange:
    """``hl.tile``: one axis per entry."""
    _refuse_tiles("tile", begin_or_end, end)
    begins, ends, single = _bounds(begin_or_end, end)
    sizes = list(block_size) if isinstance(block_size, list | tuple) else [block_size] * len(ends)
    if not (len(begins) == len(ends) == len(sizes)) or not ends:
        raise exc.InvalidTileRange(
            span=here(),
            problem=f"it has {len(begins)} begins, {len(ends)} ends and {len(sizes)} block sizes",
        )
    check_bounds(trace, (*begins, *ends))
    for size in sizes:
        if isinstance(size, int) and (size < 1 or size & (size - 1)):
            raise exc.InvalidTileRange(
                span=here(), problem=f"block_size {size} is not a power of two"
            )
    range_ = TracedRange(tuple(begins), tuple(ends), tuple(sizes), single)
    return trace.loops.wait(range_, "tile", here())


@meaning
def grid(trace: Trace, begin_or_end: Any, end: Any = None, step: Any = None) -> TracedRange:
    """``hl.grid``: one axis of single indices per entry."""
    _refuse_tiles("grid", begin_or_end, end)
    begins, ends, single = _bounds(begin_or_end, end)
    steps = list(step) if isinstance(step, list | tuple) else [step] * len(ends)
    steps = [1 if entry is None else entry for entry in steps]
    if not (len(begins) == len(ends) == len(steps)) or not ends:
        raise exc.InvalidTileRange(
            span=here(),
            problem=f"it has {len(begins)} begins, {len(ends)} ends and {len(steps)} steps",
        )
    check_bounds(trace, (*begins, *ends, *steps))
    range_ = TracedRange(tuple(begins), tuple(ends), tuple(steps), single, scalar=True)
    return trace.loops.wait(range_, "grid", here())


@meaning
def static_range(trace: Trace, begin_or_end: Any, end: Any = None, step: int = 1) -> Sequence[int]:
    """``hl.static_range``: Python's own loop, which repeats its body in the kernel."""
    begin, last = (0, begin_or_end) if end is None else (begin_or_end, end)
    for bound in (begin, last, step):
        known = isinstance(bound, int | torch.SymInt) and trace.symbols.is_host(
            trace.symbols.expression(bound)
        )
        if not known:
            raise exc.InvalidTileRange(
                span=here(), problem=f"a bound is {describe(bound)}, not a number known beforehand"
            )
    return range(int(begin), int(last), int(step))


@meaning
def jagged_tile(trace: Trace, parent: torch.Tensor) -> TracedRange:
    """``hl.jagged_tile``: to the greatest end, each lane of the parent masked at its own."""
    if not trace.on_device:
        raise exc.InvalidJaggedTileUsage(
            span=here(),
            problem="`hl.jagged_tile` is not inside of the loop over the lanes that it goes along",
            remedy="put it into a loop: `for rows in hl.tile(n): for tile in hl.jagged_tile(lengths[rows])`",
        )
    if not isinstance(parent, torch.Tensor) or parent.ndim != 1 or parent.is_floating_point():
        raise exc.InvalidJaggedTileUsage(
            span=here(),
            problem=f"`hl.jagged_tile` was given {describe(parent)}",
            remedy="give it one end for each lane of a tile: a one-dimensional integer tensor, "
            "such as `hl.jagged_tile(lengths[tile])`",
        )
    ends = parent if parent.dtype in (torch.int32, torch.int64) else parent.to(torch.int32)
    trace.value_of(ends)
    longest = as_number(trace, ends.amax())
    range_ = TracedRange((0,), (longest,), (None,), single=True, jagged=ends)
    return trace.loops.wait(range_, "jagged_tile", here())


@meaning
def barrier(trace: Trace) -> None:
    """``hl.barrier``: between two outermost loops."""
    if trace.on_device:
        raise exc.BarrierOnlyAllowedAtTopLevel(span=here())
    trace.barrier.request()
    if trace.barrier.counter is None and trace.grids:
        counter = trace.fake((1,), torch.int32)
        trace.barrier.counter = trace.plan.rename(trace.plan.allocation(counter, 0), "arrived")


def _refuse_tiles(function: str, *bounds: Any) -> None:
    for bound in bounds:
        entries = bound if isinstance(bound, list | tuple) else [bound]
        if any(isinstance(entry, Tile) for entry in entries):
            raise exc.TileOfTile(span=here(), function=function)


def _bounds(begin_or_end: Any, end: Any) -> tuple[list[Any], list[Any], bool]:
    """Begins and ends, and whether the loop has one axis that was not given as a sequence."""
    single = not isinstance(begin_or_end, list | tuple | torch.Size)
    firsts = [begin_or_end] if single else list(begin_or_end)
    if end is None:
        return [0] * len(firsts), firsts, single
    return firsts, ([end] if single else list(end)), single


def check_bounds(trace: Trace, bounds: Sequence[Any]) -> None:
    """Refuse what is no integer, of the host or the device."""
    for bound in bounds:
        plain = isinstance(bound, int | torch.SymInt) and not isinstance(bound, bool)
        if not plain and not is_device_integer(trace, bound):
            raise exc.InvalidTileRange(
                span=here(), problem=f"a bound is {describe(bound)}, not an integer"
            )
