"""What a subscript selects, element by element: for gathers, shifted tiles, masks and atomic operations.

Comes in: a tensor, and the entries of a subscript, one per dimension of the tensor besides ``None``. Goes out: the
shape of what is selected and, for each dimension of the tensor, the positions, which broadcast to that shape.

Index tensors of one dimension each give the result a dimension of its own. As soon as one of them has two or more, all
of them broadcast against each other as in torch: their joint dimensions stand where the first of them does, or come
first if other entries stand between them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import torch

from helion.exc import IndexOutOfRange, ShapeMismatch
from helion.reference.tiles import ShiftedReferenceTile

if TYPE_CHECKING:
    from collections.abc import Sequence


@attrs.frozen(eq=False)
class Selection:
    """The elements that a subscript selects.

    Attributes:
        shape: of the result.
        positions: int64, one per dimension of the tensor, each of as many dimensions as the result has.
        inside: bool, of the result's shape; false where a shifted tile or a mask leaves an element out. None if
            nothing is left out.
    """

    shape: tuple[int, ...]
    positions: tuple[torch.Tensor, ...]
    inside: torch.Tensor | None


@attrs.frozen(eq=False)
class _Part:
    """One entry, or several index tensors together: the dimensions of the result it gives, and its positions."""

    sizes: tuple[int, ...]
    positions: dict[int, torch.Tensor]


def select(tensor: torch.Tensor, entries: Sequence[Any], mask: Any = None) -> Selection:
    """The elements that ``entries`` select, without those where ``mask`` is false.

    Raises:
        IndexOutOfRange: a position that is not left out lies outside of the tensor.
        ShapeMismatch: index tensors, or the mask and what is selected, do not broadcast.
    """
    parts = _parts(tensor, entries)
    shape = tuple(size for part in parts for size in part.sizes)
    positions: dict[int, torch.Tensor] = {}
    before = 0
    for part in parts:
        after = len(shape) - before - len(part.sizes)
        for dimension, own in part.positions.items():
            positions[dimension] = own.reshape((1,) * before + (*own.shape, *(1,) * after))
        before += len(part.sizes)
    inside = _inside(tensor, entries, positions, shape, mask)
    ordered = tuple(positions[dimension] for dimension in range(tensor.ndim))
    return _checked(tensor, Selection(shape, ordered, inside))


def selected_shape(tensor: torch.Tensor, entries: Sequence[Any]) -> tuple[int, ...]:
    """The shape of what ``entries`` select, wherever their positions lie."""
    return tuple(size for part in _parts(tensor, entries) for size in part.sizes)


def _parts(tensor: torch.Tensor, entries: Sequence[Any]) -> list[_Part]:
    parts: list[_Part] = []
    joint: dict[int, torch.Tensor] = {}
    places: list[int] = []
    together = any(isinstance(entry, torch.Tensor) and entry.ndim > 1 for entry in entries)
    dimension = -1
    for place, entry in enumerate(entries):
        dimension += entry is not None
        if entry is None:
            parts.append(_Part((1,), {}))
        elif isinstance(entry, torch.Tensor) and entry.ndim and together:
            if not joint:
                parts.append(_Part((), joint))
            joint[dimension] = entry
            places.append(place)
        else:
            own = _positions(entry, tensor.size(dimension), tensor.device)
            parts.append(_Part(tuple(own.shape), {dimension: own}))
    return _with_joint(parts, joint, entries, places) if together else parts


def _with_joint(
    parts: list[_Part], joint: dict[int, torch.Tensor], entries: Sequence[Any], places: list[int]
) -> list[_Part]:
    """The parts with the index tensors that broadcast against each other in their place."""
    try:
        common = torch.broadcast_tensors(*joint.values())  # type: ignore[no-untyped-call]  # torch's own is untyped
    except RuntimeError as error:
        shapes = " and ".join(str(list(one.shape)) for one in joint.values())
        raise ShapeMismatch(
            operation="index tensors", reason=f"{shapes} do not broadcast"
        ) from error
    part = _Part(
        tuple(common[0].shape),
        {dimension: own.long() for dimension, own in zip(joint, common, strict=True)},
    )
    others = [one for one in parts if one.positions is not joint]
    between = entries[places[0] : places[-1] + 1]
    if any(_gives_dimension(entry) for entry in between):
        return [part, *others]
    return [part if one.positions is joint else one for one in parts]


def _gives_dimension(entry: Any) -> bool:
    """Whether an entry that is no index tensor stands for a dimension of the result."""
    return not isinstance(entry, (int, torch.Tensor))


def _positions(entry: Any, size: int, device: torch.device) -> torch.Tensor:
    if isinstance(entry, torch.Tensor):
        return entry.long()
    if isinstance(entry, ShiftedReferenceTile):
        return torch.arange(entry.begin, entry.end, device=device)
    if isinstance(entry, slice):
        return torch.tensor(range(*entry.indices(size)), dtype=torch.int64, device=device)
    return torch.tensor(entry % size, device=device)


def _inside(
    tensor: torch.Tensor,
    entries: Sequence[Any],
    positions: dict[int, torch.Tensor],
    shape: tuple[int, ...],
    mask: Any,
) -> torch.Tensor | None:
    inside: torch.Tensor | None = None
    for dimension, entry in enumerate(entry for entry in entries if entry is not None):
        if isinstance(entry, ShiftedReferenceTile):
            own = positions[dimension]
            fits = (own >= 0) & (own < tensor.size(dimension))
            inside = fits if inside is None else inside & fits
    if mask is not None:
        given = torch.as_tensor(mask, device=tensor.device).bool()
        try:
            given = given.expand(shape)
        except RuntimeError as error:
            raise ShapeMismatch(
                operation="extra_mask",
                reason=f"{list(given.shape)} does not broadcast to {list(shape)}",
            ) from error
        inside = given if inside is None else inside & given
    return None if inside is None else inside.expand(shape)


def _checked(tensor: torch.Tensor, selection: Selection) -> Selection:
    """``selection``, if all of the positions that count lie within the tensor. Tensors do not count from the end."""
    for dimension, own in enumerate(selection.positions):
        size = tensor.size(dimension)
        wrong = (own < 0) | (own >= size)
        if selection.inside is not None:
            wrong = wrong & selection.inside
        if wrong.any():
            first = own.expand(wrong.shape)[wrong][0]
            raise IndexOutOfRange(index=int(first), dimension=dimension, size=size)
    return selection
