"""Loops in reference mode: plain Python, over tiles of the sizes that were asked for."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import torch

from helion.exc import BarrierOnlyAllowedAtTopLevel, InvalidJaggedTileUsage
from helion.reference.callers import user_frame
from helion.reference.control_flow import check_loop
from helion.reference.jagged_lanes import axes_of_lanes
from helion.reference.places import target_names
from helion.reference.positions import Position
from helion.reference.ranges import AxisRange, axis_ranges, static_positions
from helion.reference.tiles import ReferenceTile
from helion.sizes import cdiv

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType

    from helion.reference.state import ReferenceState


def tile(state: ReferenceState, begin_or_end: Any, end: Any, block_size: Any) -> Iterator[Any]:
    """Tiles, or tuples of tiles where sequences are given."""
    ranges = axis_ranges("tile", begin_or_end, end, block_size, steps="block sizes")
    frame = user_frame()
    still_open = sum(one.step is None for one in ranges)
    sizes = [
        state.blocks.choose(frame, axis, still_open, one.end - one.begin)
        if one.step is None
        else one.step
        for axis, one in enumerate(ranges)
    ]
    for axis in _lanes(state, frame, "tile"):
        sizes[axis] = 1
    axes = [_tiles(state, one, size) for one, size in zip(ranges, sizes, strict=True)]
    return _start(state, "tile", axes, begin_or_end)


def grid(state: ReferenceState, begin_or_end: Any, end: Any, step: Any) -> Iterator[Any]:
    """Positions, or tuples of positions where sequences are given."""
    ranges = axis_ranges("grid", begin_or_end, end, step, steps="steps")
    axes = [map(Position, range(one.begin, one.end, one.step or 1)) for one in ranges]
    return _start(state, "grid", axes, begin_or_end)


def static_range(
    state: ReferenceState,  # noqa: ARG001 - every meaning takes it
    begin_or_end: Any,
    end: Any,
    step: Any,
) -> Iterator[int]:
    """Python's own range."""
    return iter(static_positions(begin_or_end, end, step))


def jagged_tile(state: ReferenceState, parent: Any) -> Iterator[ReferenceTile]:
    """Tiles up to the one end that there is, as lanes come one at a time."""
    if state.depth == 0:
        raise InvalidJaggedTileUsage(
            problem="`hl.jagged_tile` is the outermost loop",
            remedy="loop over the lanes first: `for tile in hl.tile(lengths.size(0))`",
        )
    if not isinstance(parent, torch.Tensor) or parent.ndim == 0 or parent.is_floating_point():
        raise InvalidJaggedTileUsage(
            problem="`hl.jagged_tile` takes an integer tensor with one end per lane",
            remedy="load the ends of the lanes: `hl.jagged_tile(lengths[tile])`; for one end, use `hl.tile`",
        )
    ends = sorted(set(parent.reshape(-1).tolist()))
    if len(ends) > 1:
        raise InvalidJaggedTileUsage(
            problem="the tile that the lanes come from cannot be told",
            remedy="compute the ends from a tile in the function that loops over it",
        )
    end = ends[0] if ends else 0
    frame = user_frame()
    size = state.blocks.choose(frame, 0, 1, end)
    tiles = _tiles(state, AxisRange(0, end, None), size, jagged=True)
    return _start(state, "jagged_tile", [tiles], None)


def barrier(state: ReferenceState) -> None:
    """Nothing: here, one loop has run before the next begins."""
    if state.depth:
        raise BarrierOnlyAllowedAtTopLevel()
    state.memory.pass_barrier()


def _start(state: ReferenceState, function: str, axes: Sequence[Any], given: Any) -> Iterator[Any]:
    frame = user_frame()
    _lanes(state, frame, function)
    state.loops += 1
    state.latest_loop = (frame.f_lineno, len(axes))
    ticket = state.await_loop(function, frame)
    names = target_names(frame) if state.depth == 0 else ()
    return _iterate(state, ticket, names, axes, several=isinstance(given, (list, tuple)))


def _lanes(state: ReferenceState, frame: FrameType, function: str) -> frozenset[int]:
    """The axes that take one position at a time; a loop is looked at once for that, and for what it cannot have."""
    place = (frame.f_code, frame.f_lasti)
    if place not in state.lanes:
        check_loop(frame, function)
        state.lanes[place] = axes_of_lanes(frame)
    return state.lanes[place]


def _iterate(
    state: ReferenceState,
    ticket: Any,
    names: Sequence[str],
    axes: Sequence[Any],
    *,
    several: bool,
) -> Iterator[Any]:
    state.enter_loop(ticket)
    outermost = state.depth == 0
    if outermost:
        state.memory.begin_outermost_loop()
        state.names.begin_outermost_loop(names)
    state.depth += 1
    try:
        for entries in itertools.product(*axes):
            state.check_time()
            del state.running[state.depth - 1 :]
            state.running.append(entries)
            yield entries if several else entries[0]
    finally:
        state.depth -= 1
    del state.running[state.depth :]
    if outermost:
        state.names.end_outermost_loop()


def _tiles(
    state: ReferenceState, axis: AxisRange, size: int, *, jagged: bool = False
) -> Iterator[ReferenceTile]:
    for number, begin in enumerate(range(axis.begin, axis.end, size)):
        yield ReferenceTile(
            begin=Position(begin),
            end=Position(min(begin + size, axis.end)),
            id=Position(number),
            count=cdiv(axis.end - axis.begin, size),
            block_size=size,
            loop_end=axis.end,
            jagged=jagged,
            device=state.device,
        )
