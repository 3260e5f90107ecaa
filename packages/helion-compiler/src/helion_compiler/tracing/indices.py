"""What stands between the brackets, as subscripts of a Program.

In: a host tensor that is accessed on the device, and the author's index. Out: a :class:`Selection`: one
subscript for each dimension of the tensor, and where ``None`` inserts dimensions into what they select.

Integer tensors gather. Several that all have one dimension select every combination, each along a dimension
of its own; if one has more, they broadcast together, as in torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import torch

from helion import exc
from helion_compiler.program.access import accessed_shape
from helion_compiler.program.types import (
    ScalarIndex,
    Size,
    Subscript,
    TileSlice,
    ValueIndex,
    WholeSlice,
    whole_axis,
)
from helion_compiler.tracing.location import here
from helion_compiler.tracing.numbers import as_number
from helion_compiler.tracing.slices import is_as_long_as_a_tile, slice_index, slice_indices
from helion_compiler.tracing.tiles import DeviceOnly, TracedTile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion_compiler.program.types import Buffer, Value
    from helion_compiler.tracing.state import Trace


@attrs.frozen
class Selection:
    """Subscripts, and the positions in the result at which ``None`` inserts dimensions of size 1, ascending."""

    subscripts: tuple[Subscript, ...]
    new_axes: tuple[int, ...]
    bounds: tuple[torch.Tensor, ...] = ()
    """Bool tiles that broadcast to the shape: what lies inside the tensor."""
    addresses: Value | None = None
    """Where the tensors of a stack begin; their dimensions come first."""

    @property
    def shape(self) -> tuple[Size, ...]:
        """The shape of what the subscripts select, without inserted dimensions."""
        return accessed_shape(self.subscripts, self.addresses)

    def of_stack(self, addresses: Value) -> Selection:
        """The same of each tensor of a stack."""
        rank = len(addresses.type.shape)
        moved = tuple(position + rank for position in self.new_axes)
        return attrs.evolve(self, new_axes=moved, addresses=addresses)

    @property
    def written_shape(self) -> tuple[Size, ...]:
        """The shape that a stored value is broadcast to, inserted dimensions included."""
        sizes = list(self.shape)
        for position in self.new_axes:
            sizes.insert(position, 1)
        return tuple(sizes)


def refuse_list_of_numbers(index: Any) -> None:
    """Refuse ``tensor[[1, 2]]``, which is no ``tensor[1, 2]``; ``hl.load(tensor, [1, 2])`` is."""
    if isinstance(index, list) and all(type(entry) is int for entry in index):
        raise exc.InvalidIndexingType(
            span=here(),
            index=f"the list {index}",
            notes=(
                "in torch it takes several indices of the first dimension, like a tensor of them",
            ),
        )


def entries_of(tensor: torch.Tensor, index: Any) -> list[Any]:
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
        raise exc.RankMismatch(span=here(), what="the subscript", expected=tensor.ndim, found=given)
    return entries


def is_basic(index: Any) -> bool:
    """Whether an index of a host tensor gives a view: integers, slices, ``...`` and None, nothing else."""
    entries = index if isinstance(index, tuple) else (index,)
    return all(
        entry is None
        or entry is Ellipsis
        or (isinstance(entry, slice | int | torch.SymInt) and not isinstance(entry, bool))
        for entry in entries
    )


def select(
    trace: Trace, tensor: torch.Tensor, buffer: Buffer, index: Any, *, masked: bool = False
) -> Selection:
    """The subscripts of ``tensor[index]``; where the author gives a mask (``masked``), tiles may reach beyond it."""
    entries = [as_number(trace, entry) for entry in entries_of(tensor, index)]
    _check_jagged(entries)
    entries, inside = _with_tile_slices(trace, tensor, entries)
    places = _Places(trace, entries)
    dims = iter(range(tensor.ndim))
    subscripts = tuple(
        _tile_slice(trace, buffer, tensor.shape[dim], dim, entry, masked=masked)
        if isinstance(entry, TracedTile)
        else _subscript(trace, tensor.shape[dim], dim, entry, places.of(position))
        for position, entry in enumerate(entries)
        if entry is not None and (dim := next(dims)) is not None
    )
    rank = len(accessed_shape(subscripts))
    bounds = tuple(_along(mask, places.of(position), rank) for position, mask in inside.items())
    return Selection(subscripts, places.new_axes, bounds)


def _check_jagged(entries: Sequence[Any]) -> None:
    """A jagged tile only has ends together with the lanes it belongs to."""
    tiles = [entry for entry in entries if isinstance(entry, TracedTile)]
    jagged = [tile for tile in tiles if tile.axis.ends is not None and not _is_shifted(tile)]
    if jagged and len(jagged) == len(tiles) and not any(map(_is_index, entries)):
        raise exc.InvalidJaggedTileUsage(
            span=here(),
            problem="a jagged tile is the only tile in this subscript",
            remedy="subscript with the tile of its lanes too: `x[tile_row, tile]`",
        )


def _is_shifted(tile: TracedTile) -> bool:
    return not isinstance(tile.shift, int) or tile.shift != 0


def _with_tile_slices(
    trace: Trace, tensor: torch.Tensor, entries: list[Any]
) -> tuple[list[Any], dict[int, torch.Tensor]]:
    """Slices as long as a tile become the indices they select; also which of those lie inside, by position."""
    found = list(entries)
    inside: dict[int, torch.Tensor] = {}
    dim = 0
    for position, entry in enumerate(entries):
        if isinstance(entry, slice) and is_as_long_as_a_tile(trace, tensor.shape[dim], entry):
            found[position], inside[position] = slice_indices(trace, tensor.shape[dim], entry)
        dim += entry is not None
    return found, inside


def _along(mask: torch.Tensor, dims: tuple[int, ...], rank: int) -> torch.Tensor:
    """A one-dimensional mask along its dimension of the accessed shape."""
    return mask.reshape([-1 if dim in dims else 1 for dim in range(rank)])


class _Places:
    """Where in the result each tensor among the entries lies, and where new axes do."""

    def __init__(self, trace: Trace, entries: Sequence[Any]) -> None:
        tensors = {i: entry for i, entry in enumerate(entries) if _is_index(entry)}
        joint = len(tensors) > 1 and any(entry.ndim > 1 for entry in tensors.values())
        rank = _joint_rank(trace, list(tensors.values())) if joint else 0
        first = min(tensors, default=0)
        adjacent = sorted(tensors) == list(range(first, first + len(tensors)))
        self._dims: dict[int, tuple[int, ...]] = {}
        new_axes: list[int] = []
        shown = kept = 0  # dimensions of the result so far, with and without new axes
        if joint and not adjacent:
            self._place(tensors, kept, rank)
            shown = kept = rank
        for position, entry in enumerate(entries):
            if entry is None:
                new_axes.append(shown)
                shown += 1
                continue
            width = 0 if isinstance(entry, int | torch.SymInt) else 1
            if position in tensors:
                width = 0 if joint else entry.ndim
                if joint and adjacent and position == first:
                    self._place(tensors, kept, rank)
                    width = rank
                elif not joint:
                    self._dims[position] = tuple(range(kept, kept + width))
            shown += width
            kept += width
        self.new_axes = tuple(new_axes)

    def _place(self, tensors: dict[int, torch.Tensor], start: int, rank: int) -> None:
        for position, tensor in tensors.items():
            self._dims[position] = tuple(range(start + rank - tensor.ndim, start + rank))

    def of(self, position: int) -> tuple[int, ...]:
        """The dimensions of the tensor at a position; none for other entries."""
        return self._dims.get(position, ())


def _is_index(entry: object) -> bool:
    return isinstance(entry, torch.Tensor) and entry.ndim > 0


def _joint_rank(trace: Trace, tensors: list[torch.Tensor]) -> int:
    """The rank that several index tensors broadcast to; an error where they do not."""
    shapes = [trace.sizes_of(tensor) for tensor in tensors]
    rank = max(map(len, shapes))
    for back in range(1, rank + 1):
        sizes = [shape[-back] for shape in shapes if len(shape) >= back and shape[-back] != 1]
        if not all(trace.symbols.agree(sizes[:1], [size]) for size in sizes[1:]):
            raise exc.ShapeMismatch(
                span=here(),
                operation="index tensors",
                reason=f"{' and '.join(map(trace.describe, tensors))} do not broadcast",
            )
    return rank


def _subscript(
    trace: Trace, extent: Any, dim: int, entry: Any, place: tuple[int, ...]
) -> Subscript:
    match entry:
        case slice(start=None, stop=None, step=None):
            return WholeSlice(whole_axis(trace.symbols.expression(extent)))
        case slice():
            return slice_index(trace, extent, entry)
        case bool():
            raise exc.InvalidIndexingType(span=here(), index=f"the bool {entry}")
        case tuple() | list() if any(isinstance(item, TracedTile) for item in entry):
            raise exc.OverpackedTile(span=here(), container=type(entry).__name__)
        case int() | torch.SymInt():
            return ScalarIndex(_position(trace, extent, dim, entry))
        case torch.Tensor() if entry.ndim > 0:
            return _gather(trace, entry, place)
        case _:
            if isinstance(entry, DeviceOnly):
                entry.refuse()
            raise exc.InvalidIndexingType(span=here(), index=describe_entry(entry))


def _gather(trace: Trace, entry: torch.Tensor, place: tuple[int, ...]) -> ValueIndex:
    if entry.dtype is torch.bool or entry.is_floating_point():
        raise exc.InvalidIndexingType(span=here(), index=f"a tensor of {entry.dtype}")
    return ValueIndex(trace.value_of(entry), place)


def _tile_slice(
    trace: Trace, buffer: Buffer, extent: Any, dim: int, tile: TracedTile, *, masked: bool
) -> TileSlice:
    """A tile as a subscript; its range has to lie inside the dimension, unless it is shifted and so masked."""
    shift = trace.symbols.expression(tile.shift)
    if tile.axis not in trace.body.axes:
        raise exc.IncorrectTileUsage(span=here(), operation=f"{tile.axis.name} outside of its loop")
    end = trace.symbols.value(tile.axis.end)
    on_host = trace.symbols.is_host(tile.axis.end)
    inside = shift != 0 or not on_host or trace.holds(end <= extent)
    if not inside and not masked:
        raise exc.TileOutOfBounds(
            span=here(),
            end=end,
            dimension=dim,
            size=extent,
            notes=(f"the tile is {tile.axis.name}, the tensor {buffer.name}",),
        )
    if shift == 0 and on_host and trace.symbols.is_told(tile.axis.end):
        # Where a tile covers a dimension exactly, the program knows: equal sizes become one symbol.
        bool(end == extent)
    return TileSlice(tile.axis, trace.number(tile.shift), clipped=not inside)


def _position(trace: Trace, extent: Any, dim: int, entry: Any) -> Size:
    expression = trace.number(entry)
    if not trace.symbols.is_host(expression):
        return expression
    if not (trace.holds(-extent <= entry) and trace.holds(entry < extent)):
        raise exc.IndexOutOfRange(span=here(), index=entry, dimension=dim, size=extent)
    return expression if trace.holds(entry >= 0) else trace.symbols.expression(entry + extent)


def describe_entry(entry: object) -> str:
    """What an entry is, for messages."""
    if isinstance(entry, torch.Tensor):
        return f"a tensor of {entry.dtype}"
    return f"a {type(entry).__name__}"
