"""Subscripts with tiles in them: reading gives a copy, as loading does on a device, and writing broadcasts and casts.

What is contiguous is read and written with torch's own slices; gathers, masks and shifted tiles go element by element,
see :mod:`helion.reference.selections`. Positions of a shifted tile that lie outside of the tensor, and those where a
mask is false, read as zero and are not written; everything else must lie inside.
"""

from __future__ import annotations

from typing import Any

import torch

from helion.exc import (
    DuplicateStoreIndicesError,
    RequiresTensorInAssignment,
    ShapeMismatch,
)
from helion.reference.entries import plain_entries
from helion.reference.selections import Selection, select, selected_shape
from helion.reference.tiles import ShiftedReferenceTile


def read(tensor: torch.Tensor, index: object, mask: Any = None) -> torch.Tensor:
    """``tensor[index]``, with zeros where ``mask`` is false."""
    entries = plain_entries(tensor, index, masked=mask is not None)
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
    entries = plain_entries(tensor, index, masked=mask is not None)
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


def _is_plain(entry: object) -> bool:
    return not isinstance(entry, (torch.Tensor, ShiftedReferenceTile))
