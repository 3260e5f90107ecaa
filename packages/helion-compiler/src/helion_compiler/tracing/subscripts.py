"""``tensor[...]`` and ``tensor[...] = value``, on the host and on the device."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import torch

from helion import exc
from helion.language import StackTensor
from helion_compiler.program.ops import Load, Store
from helion_compiler.tracing.fills import fill_tile
from helion_compiler.tracing.indices import (
    describe_entry,
    entries_of,
    refuse_list_of_numbers,
    select,
)
from helion_compiler.tracing.location import here, location, name_of
from helion_compiler.tracing.operators.lanes import pick_by_value
from helion_compiler.tracing.tiles import DeviceOnly, TracedTile

if TYPE_CHECKING:
    from helion_compiler.program.types import Axis, Buffer, Size, Value
    from helion_compiler.tracing.indices import Selection
    from helion_compiler.tracing.state import Trace


def subscript(trace: Trace, tensor: torch.Tensor, index: Any) -> torch.Tensor:
    """``tensor[index]``: a load, or a view of a value or of a host tensor."""
    refuse_list_of_numbers(index)
    if trace.on_device and trace.buffer_of(tensor) is not None:
        return load(trace, tensor, index)
    if trace.on_device:
        trace.value_of(tensor)
    return _view(trace, tensor, entries_of(tensor, index))


def assign(trace: Trace, tensor: torch.Tensor, index: Any, value: Any) -> None:
    """``tensor[index] = value``: a store."""
    refuse_list_of_numbers(index)
    if trace.buffer_of(tensor) is None:
        raise exc.DeviceTensorSubscriptAssignmentNotAllowed(span=here(), name=name_of(tensor))
    store(trace, tensor, index, value)


def load(
    trace: Trace,
    tensor: torch.Tensor,
    index: Any,
    extra_mask: torch.Tensor | None = None,
    eviction_policy: str | None = None,
) -> torch.Tensor:
    """Record a load of ``tensor[index]``; new axes become dimensions of size 1."""
    buffer, selection = selected(trace, tensor, index, masked=extra_mask is not None)
    result = trace.fake(selection.shape, buffer.dtype)
    mask = mask_value(trace, extra_mask, selection)
    trace.body.append(
        Load(
            result=trace.new_value(result, buffer.name),
            buffer=buffer,
            subscripts=selection.subscripts,
            addresses=selection.addresses,
            name=trace.body.unique(f"{buffer.name}@load"),
            extra_mask=mask,
            eviction_policy=eviction_policy or "",
            location=location(),
        )
    )
    for position in selection.new_axes:
        result = result.unsqueeze(position)
    return result


def store(
    trace: Trace,
    tensor: torch.Tensor,
    index: Any,
    value: Any,
    extra_mask: torch.Tensor | None = None,
) -> None:
    """Record a store, after casting and broadcasting the value."""
    buffer, selection = selected(trace, tensor, index, masked=extra_mask is not None)
    stored = stored_value(trace, value, buffer, selection.written_shape)
    for position in reversed(selection.new_axes):
        stored = stored.squeeze(position)
    trace.body.append(
        Store(
            buffer=buffer,
            subscripts=selection.subscripts,
            addresses=selection.addresses,
            value=trace.value_of(stored),
            name=trace.body.unique(f"{buffer.name}@store"),
            extra_mask=mask_value(trace, extra_mask, selection),
            location=location(),
        )
    )


def selected(
    trace: Trace, target: Any, index: Any, *, masked: bool = False
) -> tuple[Buffer, Selection]:
    """What an access names: a tensor of the host, or the layout of those of a stack."""
    if isinstance(target, StackTensor):
        buffer = buffer_named(trace, target.tensor_like)
        inside = select(trace, target.tensor_like, buffer, index, masked=masked)
        return buffer, inside.of_stack(trace.value_of(target.dev_ptrs))
    buffer = buffer_named(trace, target)
    return buffer, select(trace, target, buffer, index, masked=masked)


def stored_value(trace: Trace, value: Any, buffer: Buffer, sizes: tuple[Size, ...]) -> torch.Tensor:
    """What an access writes: cast to the buffer's dtype, broadcast to the shape of the place."""
    if isinstance(value, torch.Tensor):
        trace.value_of(value)
        return _fit(trace, value.to(buffer.dtype), sizes, buffer)
    if isinstance(value, bool | int | float | torch.SymInt | torch.SymFloat):
        return fill_tile(trace, sizes, value, buffer.dtype)
    raise exc.RequiresTensorInAssignment(span=here(), type=type(value).__name__)


def mask_value(trace: Trace, mask: Any, selection: Selection) -> Value | None:
    """``extra_mask=``, a bool tile that broadcasts to the shape of the place, and the selection's own bounds."""
    masks = list(selection.bounds)
    if mask is not None:
        _check_mask(trace, mask, selection.shape)
        masks.append(mask)
    if not masks:
        return None
    with trace.listening():
        return trace.value_of(functools.reduce(torch.logical_and, masks))


def _check_mask(trace: Trace, mask: Any, sizes: tuple[Size, ...]) -> None:
    if not isinstance(mask, torch.Tensor) or mask.dtype is not torch.bool:
        found = mask.dtype if isinstance(mask, torch.Tensor) else type(mask).__name__
        raise exc.InvalidIndexingType(span=here(), index=f"extra_mask of {found}, not bool,")
    trace.value_of(mask)
    shape = trace.sizes_of(mask)
    fits = len(shape) <= len(sizes) and all(
        own in (1, wanted) for own, wanted in zip(reversed(shape), reversed(sizes), strict=False)
    )
    if not fits:
        raise exc.ShapeMismatch(
            span=here(),
            operation="extra_mask",
            reason=f"{trace.describe(mask)} does not broadcast to {trace.body.describe(sizes)}",
        )


def buffer_named(trace: Trace, tensor: object) -> Buffer:
    """The buffer that an access names; an error for anything else."""
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


def _view(trace: Trace, tensor: torch.Tensor, entries: list[Any]) -> torch.Tensor:
    """Basic indexing by ATen views, and on the device picking lanes by integer values."""
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
        elif isinstance(entry, torch.Tensor) and trace.on_device:
            tensor = pick_by_value(trace, tensor, entry, position)
            position += entry.ndim
        else:
            raise exc.InvalidIndexingType(span=here(), index=describe_entry(entry))
    return tensor


def _check_own_tile(trace: Trace, tensor: torch.Tensor, dim: int, tile: TracedTile) -> int:
    """A value's dimension subscripted by the tile it already runs along is the value itself."""
    size: Size = trace.symbols.expression(tensor.shape[dim])
    axis: Axis = tile.axis
    if size != axis.size:
        raise exc.InvalidIndexingType(span=here(), index=f"the tile {axis.name}")
    return 1
