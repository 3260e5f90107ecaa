"""Reading arguments: every form of subscript."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from .aligning import listed, permuted
from .values import Dim, RejectedError, Value

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from .draft import Draft
    from .tensors import Content
    from .values import Dims


@attrs.define
class _Place:
    """Subscripts so far: their texts, the sizes of the tensor, and whether some of it reads as zero."""

    entries: list[str] = attrs.field(factory=list)
    sizes: list[int] = attrs.field(factory=list)
    zeros: bool = False


def load(draft: Draft, dims: Dims, dtype: torch.dtype, content: Content | None = None) -> Value:
    """A value of these dimensions, read from an argument."""
    order = tuple(draft.draws.shuffled(dims)) if draft.draws.chance(0.25) else dims
    place = _Place()
    for dim in order:
        _scalars(draft, place)
        _enter(draft, place, dim, order)
    _scalars(draft, place)
    content = content or draft.content(dtype)
    plain = content.kind != "random"
    if not place.sizes:
        place.sizes.append(draft.draws.integer(1, 4))
        place.entries.append(str(draft.draws.integer(-place.sizes[0], place.sizes[0] - 1)))
    name = draft.tensor(tuple(place.sizes), dtype, content, plain=plain)
    low, high = content.low, content.high
    text, masked = _text(draft, name, place, order)
    if place.zeros or masked:
        low, high = min(low, 0), max(high, 0)
    error = 0.0
    if dtype.is_floating_point and not content.grain:
        error = 2.0**-8 * 0  # the oracle reads the same rounded numbers
    value = Value(text, dtype, order, low, high, error, content.grain)
    if dims != order:
        value = permuted(draft, attrs.evolve(value, text=text), dims)
    return value


def _text(draft: Draft, name: str, place: _Place, order: Dims) -> tuple[str, bool]:
    """The load as text, and whether it has a mask of its own."""
    index = ", ".join(place.entries)
    style = draft.draws.integer(0, 9)
    if style == 0:
        return f"hl.load({name}, {listed(place.entries)})", False
    if style == 1 and order and order[-1].tile and not any(dim.parent for dim in order):
        least = draft.draws.integer(0, 4)
        rank = len(order)
        along = "" if rank == 1 else "[" + "None, " * (rank - 1) + ":]"
        mask = f"({order[-1].name}.index >= {least}){along}"
        return f"hl.load({name}, {listed(place.entries)}, extra_mask={mask})", True
    if style == 2 and place.entries[-1] == ":" and len(place.entries) > 1:
        return f"{name}[{', '.join((*place.entries[:-1], '...'))}]", False
    if style == 3 and place.entries[-1] == ":" and len(place.entries) > 1:
        return f"{name}[{', '.join(place.entries[:-1])}]", False
    return f"{name}[{index}]", False


def _scalars(draft: Draft, place: _Place) -> None:
    """Now and then, a dimension that a number subscripts."""
    if not draft.draws.chance(0.12):
        return
    if draft.scope.indices and draft.draws.chance(0.7):
        index = draft.draws.pick(draft.scope.indices)
        offset = draft.draws.integer(0, 2) if draft.draws.chance(0.3) else 0
        place.entries.append(index.text + (f" + {offset}" if offset else ""))
        place.sizes.append(index.end + offset)
    else:
        size = draft.draws.integer(1, 3)
        place.sizes.append(size)
        place.entries.append(str(draft.draws.integer(-size, size - 1)))


def _enter(draft: Draft, place: _Place, dim: Dim, dims: Dims) -> None:
    """The subscript of one dimension."""
    style = draft.draws.integer(0, 11)
    if dim.parent is not None and dim.parent not in dims:
        raise RejectedError
    if not dim.tile:
        _enter_whole(draft, place, dim, style)
    elif style == 0 and not dim.parent:
        shift = draft.draws.integer(1, 3)
        beyond = draft.draws.chance(0.5)
        place.entries.append(f"{dim.name} + {shift}")
        place.sizes.append(dim.end + (0 if beyond else shift))
        place.zeros |= beyond
    elif style == 1 and not dim.parent:
        shift = draft.draws.integer(1, 2)
        place.entries.append(f"{dim.name} - {shift}")
        place.sizes.append(max(dim.end, 1))
        place.zeros = True
    elif style == 2 and not dim.parent:
        offset = draft.draws.integer(0, 2)
        factor = draft.draws.integer(1, 2)
        place.entries.append(f"{dim.name}.index * {factor} + {offset}")
        place.sizes.append(dim.end * factor + offset)
    else:
        place.entries.append(dim.name)
        slack = draft.draws.pick((0, 0, 0, 1)) if not dim.parent else 0
        place.sizes.append(dim.end + slack)


def _enter_whole(draft: Draft, place: _Place, dim: Dim, style: int) -> None:
    begin, step = draft.draws.integer(0, 2), draft.draws.integer(1, 3)
    if style == 0:
        last = begin + (dim.size - 1) * step
        place.entries.append(f"{begin}:{last + 1}" + (f":{step}" if step > 1 else ""))
        place.sizes.append(last + draft.draws.integer(1, 2))
    elif style == 1:
        place.entries.append(f"-{dim.size}:")
        place.sizes.append(dim.size + begin)
    elif style == 2:
        place.entries.append(f":{dim.name}")
        place.sizes.append(dim.size + begin)
    elif style == 3:
        place.entries.append(f"hl.arange({dim.name})" + (f" + {begin}" if begin else ""))
        place.sizes.append(dim.size + begin)
    else:
        place.entries.append(":")
        place.sizes.append(dim.size)


IndexMaker = "Callable[[Draft, Dims, int], Value]"


def gather(draft: Draft, dims: Dims, dtype: torch.dtype, index: Callable[..., Value]) -> Value:
    """Read by index values: ``index(dims, size)`` makes them."""
    if not dims or any(dim.parent for dim in dims):
        raise RejectedError
    content = draft.content(dtype)
    first = draft.draws.integer(0, len(dims) - 1)
    last = min(len(dims), first + draft.draws.integer(1, 2))
    size = draft.draws.integer(1, 9)
    place = _Place()
    group = dims[first:last]
    for dim in dims[:first]:
        if len(group) == 2:  # index tensors beside it would have to broadcast
            _enter_plain(place, dim)
        else:
            _enter(draft, place, dim, dims)
    chosen = index(group, size)
    place.entries.append(chosen.text)
    place.sizes.append(size)
    if len(group) == 2 and draft.draws.chance(0.4):
        other = draft.draws.integer(1, 9)
        place.entries.append(index(group, other).text)
        place.sizes.append(other)
    for dim in dims[last:]:
        if len(group) == 2 and not dim.tile and draft.draws.chance(0.5):
            place.entries.append(":")
            place.sizes.append(dim.size)
        else:
            _enter_plain(place, dim)
    name = draft.tensor(tuple(place.sizes), dtype, content)
    text = f"{name}[{', '.join(place.entries)}]"
    low, high = (
        (min(content.low, 0), max(content.high, 0)) if place.zeros else (content.low, content.high)
    )
    return Value(text, dtype, dims, low, high, 0.0, content.grain)


def _enter_plain(place: _Place, dim: Dim) -> None:
    place.entries.append(dim.name if dim.tile else ":")
    place.sizes.append(dim.end)
