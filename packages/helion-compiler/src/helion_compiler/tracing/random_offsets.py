"""Where numbers are drawn: the row-major position of each element in the whole that tiles are parts of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion import exc
from helion_compiler.program.ops import Range
from helion_compiler.tracing.iota import iota
from helion_compiler.tracing.location import here, location
from helion_compiler.tracing.tiles import TracedTile

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from helion_compiler.program.types import Axis, Size
    from helion_compiler.tracing.state import Trace

_ANY_LOOP = 1 << 31
"""More than the positions of most loops whose end the device computes."""
_ANY_TILE = 1 << 20
"""More than the lanes of any tile."""


def offsets_of_shape(trace: Trace, shape: Sequence[Any]) -> torch.Tensor:
    """Offsets of a shape of tiles and sizes; a tile counts by its indices and the end of its loop."""
    parts: list[tuple[torch.Tensor, Any]] = []
    for entry in shape:
        if isinstance(entry, TracedTile):
            if entry.axis.ends is not None:
                raise exc.InvalidJaggedTileUsage(
                    span=here(),
                    problem="a jagged tile has no one end that offsets could be counted by",
                    remedy="give `offsets=`, computed from the lanes and `tile.index`",
                )
            parts.append((entry.index, trace.symbols.value(entry.axis.end)))
        else:
            parts.append((iota(trace, trace.symbols.lanes(entry)), entry))
    return _row_major(trace, (), parts)


def offsets_of_sizes(trace: Trace, sizes: Sequence[Size]) -> torch.Tensor:
    """Offsets of a value's sizes that no other program and no other turn of a loop has.

    A dimension along an open loop counts by the loop's indices; every other open loop by where it stands.
    """
    used: list[Axis] = []
    parts: list[tuple[torch.Tensor, Any]] = []
    for size in sizes:
        axis = _axis_of(trace, size)
        if axis is not None:
            used.append(axis)
            parts.append((_indices(trace, axis), _extent(trace, axis)))
        else:
            extent = trace.symbols.value(size) if trace.symbols.is_host(size) else _ANY_TILE
            parts.append((iota(trace, size), extent))
    return _row_major(trace, (axis for axis in trace.body.axes if axis not in used), parts)


def _extent(trace: Trace, axis: Axis) -> Any:
    """What a loop's positions count by: the same number in every program."""
    return trace.symbols.value(axis.end) if trace.symbols.is_host(axis.end) else _ANY_LOOP


def _axis_of(trace: Trace, size: Size) -> Axis | None:
    axes = (axis for axis in reversed(trace.body.axes) if not axis.scalar)
    return next((axis for axis in axes if axis.size == size), None)


def _indices(trace: Trace, axis: Axis) -> torch.Tensor:
    tensor = trace.fake((axis.size,), torch.int32)
    value = trace.new_value(tensor, "index")
    trace.body.append(Range(result=value, axis=axis, location=location()))
    return tensor


def _row_major(
    trace: Trace, outer: Iterable[Axis], parts: Iterable[tuple[torch.Tensor, Any]]
) -> torch.Tensor:
    result = torch.full((), 0, dtype=torch.int64, device=trace.torch_device)
    for axis in outer:
        assert axis.offset is not None
        result = result * _extent(trace, axis) + trace.symbols.value(axis.offset)
    for positions, extent in parts:
        result = result[..., None] * extent + positions.to(torch.int64)
    return result
