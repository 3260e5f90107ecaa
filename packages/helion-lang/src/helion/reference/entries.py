"""The entries of a subscript, in torch's terms."""

from __future__ import annotations

import operator
from types import EllipsisType
from typing import Any

import torch

from helion.constraints import is_integer
from helion.exc import (
    IndexOutOfRange,
    InvalidIndexingType,
    InvalidJaggedTileUsage,
    OverpackedTile,
    RankMismatch,
    TileOutOfBounds,
)
from helion.language import Tile
from helion.reference.positions import Position
from helion.reference.tiles import ReferenceTile, ShiftedReferenceTile


def has_tile(index: object) -> bool:
    """Whether a subscript mentions a tile."""
    return any(isinstance(entry, Tile) for entry in _entries(index))


def plain_entries(tensor: torch.Tensor, index: object, *, masked: bool = False) -> list[Any]:
    """The entries of a subscript in torch's terms: ``...`` written out, tiles as slices, numbers as numbers.

    Where the author gives a mask (``masked``), a tile may reach beyond the tensor, as a shifted one may.

    Raises:
        RankMismatch: more entries than dimensions.
        TileOutOfBounds: a tile's loop covers more than the dimension.
        IndexOutOfRange: a number lies outside of the dimension.
        InvalidIndexingType: an entry is no index.
    """
    plain: list[Any] = []
    dimension = 0
    _check_jagged(_entries(index))
    for given in _expanded(tensor, index):
        entry = given
        if entry is None:
            plain.append(None)
        else:
            size = tensor.size(dimension)
            if masked and isinstance(entry, ReferenceTile) and entry.loop_end > size:
                entry = ShiftedReferenceTile(tile=entry, offset=0)
            plain.append(_plain(entry, dimension, size))
            dimension += 1
    return plain


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
        # A device does not count from the end; numbers that the author wrote are counted before.
        if not (0 if isinstance(entry, (torch.Tensor, Position)) else -size) <= number < size:
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
