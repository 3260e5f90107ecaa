"""``tensor[...]`` and ``tensor[...] = value``, on the host and on the device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion import exc
from helion_compiler.program.ops import Load, Store
from helion_compiler.program.types import (
    Axis,
    Buffer,
    ScalarIndex,
    Size,
    Subscript,
    TileSlice,
    WholeSlice,
    whole_axis,
)
from helion_compiler.tracing.fills import fill_tile
from helion_compiler.tracing.location import here, location
from helion_compiler.tracing.tiles import DeviceOnly, TracedTile

if TYPE_CHECKING:
    from helion_compiler.tracing.state import Trace


def subscript(trace: Trace, tensor: torch.Tensor, index: Any) -> torch.Tensor:
    """``tensor[index]``: a load, or a view of a value or of a host tensor."""
    entries = _entries(tensor, index)
    if trace.on_device and trace.buffer_of(tensor) is not None:
        return load(trace, tensor, index)
    if trace.on_device:
        trace.value_of(tensor)
    return _view(trace, tensor, entries)


def assign(trace: Trace, tensor: torch.Tensor, index: Any, value: Any) -> None:
    """``tensor[index] = value``: a store."""
    if trace.buffer_of(tensor) is None:
        raise exc.NonTensorSubscriptAssign(span=here(), type="tile")
    store(trace, tensor, index, value)


def load(trace: Trace, tensor: torch.Tensor, index: Any) -> torch.Tensor:
    """Record a load of ``tensor[index]``; new axes become dimensions of size 1."""
    buffer = _buffer(trace, tensor)
    entries = _entries(tensor, index)
    subscripts = _subscripts(trace, tensor, buffer, [e for e in entries if e is not None])
    sizes = tuple(size for entry in subscripts for size in _sizes(entry))
    result = trace.fake(sizes, buffer.dtype)
    name = trace.body.unique(f"{buffer.name}@load")
    trace.body.append(
        Load(
            result=trace.new_value(result, buffer.name),
            buffer=buffer,
            subscripts=subscripts,
            name=name,
            location=location(),
        )
    )
    for position in _new_axes(entries):
        result = result.unsqueeze(position)
    return result


def store(trace: Trace, tensor: torch.Tensor, index: Any, value: Any) -> None:
    """Record a store, after casting and broadcasting the value."""
    buffer = _buffer(trace, tensor)
    entries = [entry for entry in _entries(tensor, index) if entry is not None]
    subscripts = _subscripts(trace, tensor, buffer, entries)
    sizes = tuple(size for entry in subscripts for size in _sizes(entry))
    if isinstance(value, torch.Tensor):
        trace.value_of(value)
        value = _fit(trace, value.to(buffer.dtype), sizes, buffer)
    elif isinstance(value, bool | int | float | torch.SymInt | torch.SymFloat):
        value = fill_tile(trace, sizes, value, buffer.dtype)
    else:
        raise exc.InvalidIndexingType(
            span=here(), index=f"a {type(value).__name__}, stored into a tensor,"
        )
    trace.body.append(
        Store(
            buffer=buffer,
            subscripts=subscripts,
            value=trace.value_of(value),
            name=trace.body.unique(f"{buffer.name}@store"),
            location=location(),
        )
    )


def _buffer(trace: Trace, tensor: object) -> Buffer:
    if isinstance(tensor, DeviceOnly):
        tensor.refuse()
    buffer = trace.buffer_of(tensor) if isinstance(tensor, torch.Tensor) else None
    if buffer is None:
        raise exc.TracedArgNotSupported(
            span=here(),
            parameter="tensor",
            type="value that is not a tensor of the host",
        )
    return buffer


def _fit(
    trace: Trace, value: torch.Tensor, sizes: tuple[Size, ...], buffer: Buffer
) -> torch.Tensor:
    """The value broadcast to the shape of the place it is stored in."""
    if trace.sizes_of(value) == sizes:
        return value
    try:
        while value.ndim > len(sizes) and trace.symbols.expression(value.shape[0]) == 1:
            value = value.squeeze(0)
        return value.expand([trace.symbols.value(size) for size in sizes])
    except RuntimeError as error:
        place = trace.body.describe(sizes)
        raise exc.ShapeMismatch(
            span=here(),
            operation=f"storing into {buffer.name}",
            reason=f"{trace.describe(value)} does not fit {place}",
        ) from error


def _entries(tensor: torch.Tensor, index: Any) -> list[Any]:
    """One entry per dimension, ``...`` written out, and None for each new axis."""
    entries = list(index) if isinstance(index, tuple | list) else [index]
    used = sum(1 for entry in entries if entry is not None and entry is not Ellipsis)
    fill: list[Any] = [slice(None)] * (tensor.ndim - used)
    if any(entry is Ellipsis for entry in entries):
        at = next(i for i, entry in enumerate(entries) if entry is Ellipsis)
        entries[at : at + 1] = fill
    else:
        entries += fill
    given = sum(1 for entry in entries if entry is not None)
    if given != tensor.ndim:
        raise exc.RankMismatch(
            span=here(),
            what="the subscript",
            expected=tensor.ndim,
            found=given,
        )
    return entries


def _new_axes(entries: list[Any]) -> list[int]:
    """Positions in the result at which ``None`` inserts a dimension."""
    kept = [entry for entry in entries if not isinstance(entry, int | torch.SymInt)]
    return [position for position, entry in enumerate(kept) if entry is None]


def _subscripts(
    trace: Trace, tensor: torch.Tensor, buffer: Buffer, entries: list[Any]
) -> tuple[Subscript, ...]:
    return tuple(_subscript(trace, buffer, tensor, dim, entry) for dim, entry in enumerate(entries))


def _subscript(
    trace: Trace, buffer: Buffer, tensor: torch.Tensor, dim: int, entry: Any
) -> Subscript:
    extent = tensor.shape[dim]
    match entry:
        case TracedTile():
            return _tile_slice(trace, buffer, extent, dim, entry)
        case slice(start=None, stop=None, step=None):
            return WholeSlice(whole_axis(trace.symbols.expression(extent)))
        case bool():
            raise exc.InvalidIndexingType(span=here(), index=f"the bool {entry}")
        case int() | torch.SymInt():
            return ScalarIndex(_position(trace, extent, dim, entry))
        case _:
            if isinstance(entry, DeviceOnly):
                entry.refuse()
            raise exc.InvalidIndexingType(span=here(), index=_describe(entry))


def _tile_slice(trace: Trace, buffer: Buffer, extent: Any, dim: int, tile: TracedTile) -> TileSlice:
    """A tile as a subscript; its range has to lie inside the dimension, unless it is shifted and so masked."""
    shift = trace.symbols.expression(tile.shift)
    if tile.axis not in trace.body.axes:
        raise exc.IncorrectTileUsage(span=here(), operation=f"{tile.axis.name} outside of its loop")
    end = trace.symbols.value(tile.axis.end)
    inside = shift != 0 or not trace.symbols.is_host(tile.axis.end) or bool(end <= extent)
    if not inside:
        raise exc.TileOutOfBounds(
            span=here(),
            end=end,
            dimension=dim,
            size=extent,
            notes=(f"the tile is {tile.axis.name}, the tensor {buffer.name}",),
        )
    if shift == 0 and trace.symbols.is_host(tile.axis.end):
        # Where a tile covers a dimension exactly, the program knows: equal sizes become one symbol.
        bool(end == extent)
    return TileSlice(tile.axis, shift)


def _position(trace: Trace, extent: Any, dim: int, entry: Any) -> Size:
    expression = trace.number(entry)
    if not trace.symbols.is_host(expression):
        return expression
    if not (-extent <= entry < extent):
        raise exc.IndexOutOfRange(span=here(), index=entry, dimension=dim, size=extent)
    return expression if entry >= 0 else trace.symbols.expression(entry + extent)


def _sizes(entry: Subscript) -> tuple[Size, ...]:
    match entry:
        case TileSlice():
            return (entry.axis.size,)
        case WholeSlice():
            return (1 if entry.axis is None else entry.axis.size,)
        case ScalarIndex():
            return ()


def _describe(entry: object) -> str:
    return f"a {type(entry).__name__}"


def _view(trace: Trace, tensor: torch.Tensor, entries: list[Any]) -> torch.Tensor:
    """Basic indexing by ATen views: ``None``, slices and integers."""
    position = 0
    for entry in entries:
        if entry is None:
            tensor = tensor.unsqueeze(position)
            position += 1
        elif isinstance(entry, slice):
            if entry != slice(None):
                tensor = torch.ops.aten.slice.Tensor(
                    tensor,
                    position,
                    entry.start,
                    entry.stop,
                    1 if entry.step is None else entry.step,
                )
            position += 1
        elif isinstance(entry, int | torch.SymInt) and not isinstance(entry, bool):
            tensor = torch.ops.aten.select.int(tensor, position, entry)
        elif isinstance(entry, TracedTile) and trace.on_device:
            position += _check_own_tile(trace, tensor, position, entry)
        else:
            raise exc.InvalidIndexingType(span=here(), index=_describe(entry))
    return tensor


def _check_own_tile(trace: Trace, tensor: torch.Tensor, dim: int, tile: TracedTile) -> int:
    """A value's dimension subscripted by the tile it already runs along is the value itself."""
    size: Size = trace.symbols.expression(tensor.shape[dim])
    axis: Axis = tile.axis
    if size != axis.size:
        raise exc.InvalidIndexingType(span=here(), index=f"the tile {axis.name}")
    return 1
