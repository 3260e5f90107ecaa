"""Subscripts with tiles in them, as torch's own slices.

Comes in: a tensor and what stands between the brackets. Goes out: a view or a copy (:func:`read`), or the tensor
changed in place (:func:`write`). Positions of a shifted tile that lie outside of the tensor read as zero and are not
written; everything else must lie inside.
"""

from __future__ import annotations

from types import EllipsisType
from typing import Any

import attrs
import torch

from helion.constraints import is_integer
from helion.exc import IndexOutOfRange, InvalidIndexingType, RankMismatch, TileOutOfBounds
from helion.language import Tile
from helion.reference.tiles import ReferenceTile, ShiftedReferenceTile


def has_tile(index: object) -> bool:
    """Whether a subscript mentions a tile."""
    return any(isinstance(entry, Tile) for entry in _entries(index))


def read(tensor: torch.Tensor, index: object) -> torch.Tensor:
    """``tensor[index]``."""
    window = _window(tensor, index)
    return window.padded[window.index]


def write(tensor: torch.Tensor, index: object, value: Any) -> None:
    """``tensor[index] = value``, broadcast and cast."""
    window = _window(tensor, index)
    window.padded[window.index] = value
    if window.padded is not window.inside:
        window.inside.copy_(window.padded[window.kept])


@attrs.frozen(eq=False)
class _Window:
    """A tensor made just large enough for a subscript that may reach over its bounds.

    ``inside`` is a view of the part of the tensor that is reached, ``padded`` the same with zeros around it (the very
    same tensor where there is nothing to add), ``kept`` finds the one in the other, and ``index`` is the subscript
    that remains to be applied to ``padded``.
    """

    inside: torch.Tensor
    padded: torch.Tensor
    kept: tuple[slice, ...]
    index: tuple[Any, ...]


def _window(tensor: torch.Tensor, index: object) -> _Window:
    inside = tensor
    padding = [(0, 0)] * tensor.ndim
    plain: list[Any] = []
    dimension = 0
    entries = _expanded(tensor, index)
    _refuse_ambiguous_gather(entries)
    for entry in entries:
        if entry is None:
            plain.append(None)
            continue
        size = tensor.size(dimension)
        if isinstance(entry, ShiftedReferenceTile):
            low, high = (min(max(edge, 0), size) for edge in (entry.begin, entry.end))
            inside = inside.narrow(dimension, low, high - low)
            before = min(max(-entry.begin, 0), int(entry.__index__()))
            padding[dimension] = (before, entry.__index__() - before - (high - low))
            plain.append(slice(None))
        else:
            plain.append(_plain(entry, dimension, size))
        dimension += 1
    if not any(before or after for before, after in padding):
        return _Window(inside, inside, (), tuple(plain))
    sizes = [low + size + high for size, (low, high) in zip(inside.shape, padding, strict=True)]
    kept = tuple(
        slice(low, low + size) for size, (low, _) in zip(inside.shape, padding, strict=True)
    )
    padded = inside.new_zeros(sizes)
    padded[kept] = inside
    return _Window(inside, padded, kept, tuple(plain))


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


def _plain(entry: object, dimension: int, size: int) -> Any:
    """One entry as torch takes it."""
    if isinstance(entry, ReferenceTile):
        if entry.loop_end > size:
            raise TileOutOfBounds(end=entry.loop_end, dimension=dimension, size=size)
        return slice(entry.begin, entry.end)
    if isinstance(entry, slice):
        return entry
    if isinstance(entry, torch.Tensor) and not _is_integral(entry):
        raise InvalidIndexingType(index=f"a tensor of {entry.dtype}")
    if isinstance(entry, torch.Tensor) and entry.ndim > 0:
        return entry.long()
    if isinstance(entry, torch.Tensor) or is_integer(entry):
        number = int(entry)  # type: ignore[call-overload]  # one of the two, by the line above
        if not -size <= number < size:
            raise IndexOutOfRange(index=number, dimension=dimension, size=size)
        return number
    raise InvalidIndexingType(index=f"a {type(entry).__name__}")


def _is_integral(tensor: torch.Tensor) -> bool:
    return not (tensor.is_floating_point() or tensor.is_complex() or tensor.dtype is torch.bool)


def _refuse_ambiguous_gather(entries: list[object]) -> None:
    """Several 1-D index tensors could mean pairs or every combination; the author has to say which."""
    ranks = [entry.ndim for entry in entries if isinstance(entry, torch.Tensor) and entry.ndim]
    if len(ranks) > 1 and min(ranks) == 1:
        raise InvalidIndexingType(index="several index tensors, one of them 1-D,")
