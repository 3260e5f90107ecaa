"""Subscripts with tiles in them: reading gives a copy, as loading does on a device, and writing broadcasts and casts.

What is contiguous is read and written with torch's own slices; gathers, masks and shifted tiles go element by element,
see :mod:`helion.reference.selections`. Positions of a shifted tile that lie outside of the tensor, and those where a
mask is false, read as zero and are not written; everything else must lie inside.
"""

from __future__ import annotations

import operator
from types import EllipsisType
from typing import Any

import torch

from helion.constraints import is_integer
from helion.exc import (
    DuplicateStoreIndicesError,
    IndexOutOfRange,
    InvalidIndexingType,
    InvalidJaggedTileUsage,
    OverpackedTile,
    RankMismatch,
    RequiresTensorInAssignment,
    ShapeMismatch,
    TileOutOfBounds,
)
from helion.language import Tile
from helion.reference.selections import Selection, select, selected_shape
from helion.reference.tiles import ReferenceTile, ShiftedReferenceTile


def has_tile(index: object) -> bool:
    """Whether a subscript mentions a tile."""
    return any(isinstance(entry, Tile) for entry in _entries(index))


def read(tensor: torch.Tensor, index: object, mask: Any = None) -> torch.Tensor:
    """``tensor[index]``, with zeros where ``mask`` is false."""
    entries = plain_entries(tensor, index)
    if mask is None and all(_is_plain(entry) for entry in entries):
        return tensor[tuple(entries)].clone()
    selection = select(tensor, entries, mask)
    if selection.inside is None:
        return tensor[selection.positions].reshape(selection.shape)
    result = tensor.new_zeros(selection.shape)
    result[selection.inside] = tensor[chosen(selection)]
    return result


def write(tensor: torch.Tensor, index: object, value: Any, mask: Any = None) -> None:
    """``tensor[index] = value``, broadcast and cast, where ``mask`` is true.

    Raises:
        RequiresTensorInAssignment: the value is neither a tensor nor a number.
        DuplicateStoreIndicesError: an element would get several values.
    """
    if not isinstance(value, (torch.Tensor, int, float)):
        raise RequiresTensorInAssignment(type=type(value).__name__)
    entries = plain_entries(tensor, index)
    if mask is None and all(_is_plain(entry) for entry in entries):
        tensor[tuple(entries)] = value
        return
    selection = select(tensor, entries, mask)
    values = spread(value, selection.shape, tensor)
    places = chosen(selection)
    lanes = values.reshape(-1) if selection.inside is None else values[selection.inside]
    _refuse_rivals(tensor, places, lanes)
    tensor[places] = lanes


def _refuse_rivals(
    tensor: torch.Tensor, places: tuple[torch.Tensor, ...], lanes: torch.Tensor
) -> None:
    """On a device, any of several values stored to one element may be the last."""
    flat = flat_positions(places, tensor.shape)
    ordered, order = flat.sort(stable=True)
    values = lanes[order]
    same = ordered[1:] == ordered[:-1]
    rivals = same & (values[1:] != values[:-1]) & ~(values[1:].isnan() & values[:-1].isnan())
    if rivals.any():
        lane = order[1:][rivals][0]
        index = [int(place[lane]) for place in places]
        raise DuplicateStoreIndicesError(index=index if len(index) > 1 else index[0])


def flat_positions(places: tuple[torch.Tensor, ...], shape: torch.Size) -> torch.Tensor:
    """Positions as single numbers, row-major."""
    flat = torch.zeros_like(places[0])
    for place, size in zip(places, shape, strict=True):
        flat = flat * size + place
    return flat


def shape_of(tensor: torch.Tensor, index: object) -> tuple[int, ...]:
    """The shape of ``tensor[index]``."""
    return selected_shape(tensor, plain_entries(tensor, index))


def chosen(selection: Selection) -> tuple[torch.Tensor, ...]:
    """The positions of the elements that are inside, one after the other in row-major order."""
    inside = selection.inside
    if inside is None:
        inside = selection.positions[0].new_ones(selection.shape, dtype=torch.bool)
    return tuple(own.expand(selection.shape)[inside] for own in selection.positions)


def spread(value: Any, shape: tuple[int, ...], like: torch.Tensor) -> torch.Tensor:
    """``value`` broadcast to ``shape``, with the dtype of ``like``.

    Raises:
        ShapeMismatch: it does not broadcast.
    """
    given = torch.as_tensor(value, dtype=like.dtype, device=like.device)
    while given.ndim > len(shape) and given.size(0) == 1:
        given = given[0]
    try:
        return given.expand(shape)
    except RuntimeError as error:
        raise ShapeMismatch(
            operation="value",
            reason=f"{list(given.shape)} does not broadcast to the selected {list(shape)}",
        ) from error


def plain_entries(tensor: torch.Tensor, index: object) -> list[Any]:
    """The entries of a subscript in torch's terms: ``...`` written out, tiles as slices, numbers as numbers.

    Raises:
        RankMismatch: more entries than dimensions.
        TileOutOfBounds: a tile's loop covers more than the dimension.
        IndexOutOfRange: a number lies outside of the dimension.
        InvalidIndexingType: an entry is no index.
    """
    plain: list[Any] = []
    dimension = 0
    _check_jagged(_entries(index))
    for entry in _expanded(tensor, index):
        if entry is None:
            plain.append(None)
        else:
            plain.append(_plain(entry, dimension, tensor.size(dimension)))
            dimension += 1
    return plain


def _is_plain(entry: object) -> bool:
    return not isinstance(entry, (torch.Tensor, ShiftedReferenceTile))


def _entries(index: object) -> tuple[object, ...]:
    return index if isinstance(index, tuple) else (index,)


def _expanded(tensor: torch.Tensor, index: object) -> list[object]:
    """The entries of a subscript, with ``...`` written out and trailing dimensions taken whole."""
    entries = list(_entries(index))
    taken = sum(entry is not None and not isinstance(entry, EllipsisType) for entry in entries)
    if taken > tensor.ndim:
        raise RankMismatch(what="the subscript", found=taken, expected=tensor.ndim)
    rest = [slice(None)] * (tensor.ndim - taken)
    for position, entry in enumerate(entries):
        if isinstance(entry, EllipsisType):
            return [*entries[:position], *rest, *entries[position + 1 :]]
    return [*entries, *rest]


def _check_jagged(entries: tuple[object, ...]) -> None:
    """A jagged tile only has ends together with the lanes it belongs to."""
    jagged = [entry for entry in entries if isinstance(entry, ReferenceTile) and entry.jagged]
    others = [entry for entry in entries if isinstance(entry, (Tile, torch.Tensor))]
    if jagged and len(others) == len(jagged):
        raise InvalidJaggedTileUsage(
            problem="a jagged tile is the only tile in this subscript",
            remedy="subscript with the tile of its lanes too: `x[tile_row, tile]`",
        )


def _plain(entry: object, dimension: int, size: int) -> Any:
    """One entry as torch takes it; a shifted tile stays what it is."""
    if isinstance(entry, ShiftedReferenceTile):
        return entry
    if isinstance(entry, ReferenceTile):
        if entry.loop_end > size:
            raise TileOutOfBounds(end=entry.loop_end, dimension=dimension, size=size)
        return slice(entry.begin, entry.end)
    if isinstance(entry, slice):
        return slice(*map(_bound, (entry.start, entry.stop, entry.step)))
    if isinstance(entry, torch.Tensor) and not _is_integral(entry):
        raise InvalidIndexingType(index=f"a tensor of {entry.dtype}")
    if isinstance(entry, torch.Tensor) and entry.ndim > 0:
        return entry
    if isinstance(entry, torch.Tensor) or is_integer(entry):
        number = int(entry)  # type: ignore[call-overload]  # one of the two, by the line above
        if not -size <= number < size:
            raise IndexOutOfRange(index=number, dimension=dimension, size=size)
        return number
    if isinstance(entry, (tuple, list)) and any(isinstance(one, Tile) for one in entry):
        raise OverpackedTile(container=type(entry).__name__)
    raise InvalidIndexingType(index=f"a {type(entry).__name__}")


def _bound(bound: Any) -> int | None:
    """A bound or step of a slice: an integer, or a number on the device."""
    if bound is None:
        return None
    try:
        return operator.index(bound)
    except TypeError as error:
        raise InvalidIndexingType(index=f"a slice with a {type(bound).__name__}") from error


def _is_integral(tensor: torch.Tensor) -> bool:
    return not (tensor.is_floating_point() or tensor.is_complex() or tensor.dtype is torch.bool)
