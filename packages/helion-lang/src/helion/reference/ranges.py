"""The arguments of ``hl.tile``, checked and put into one form."""

from __future__ import annotations

from typing import Any

import attrs
import torch

from helion.constraints import is_integer
from helion.exc import InvalidTileRange


@attrs.frozen
class AxisRange:
    """One axis of a tile loop: positions ``begin`` to ``end``; ``block_size`` is None where the config decides."""

    begin: int
    end: int
    block_size: int | None


def axis_ranges(begin_or_end: Any, end: Any, block_size: Any) -> tuple[AxisRange, ...]:
    """One range per axis of ``hl.tile(begin_or_end, end, block_size)``.

    Raises:
        InvalidTileRange: lengths differ, or something is no integer, or a block size is not positive.
    """
    if end is None:
        begins, ends = None, begin_or_end
    else:
        begins, ends = begin_or_end, end
    if not isinstance(ends, (list, tuple)):
        ends = [ends]
        begins = begins if begins is None else [begins]
        block_size = block_size if block_size is None else [block_size]
    axes = len(ends)
    if axes == 0:
        raise InvalidTileRange(problem="`hl.tile` was given an empty sequence")
    begins = _per_axis("beginnings", begins, 0, axes)
    sizes = _per_axis("block sizes", block_size, None, axes)
    return tuple(
        AxisRange(_position(low), _position(high), _block(size))
        for low, high, size in zip(begins, ends, sizes, strict=True)
    )


def _per_axis(what: str, values: Any, default: int | None, axes: int) -> list[Any]:
    if values is None:
        return [default] * axes
    if not isinstance(values, (list, tuple)):
        raise InvalidTileRange(problem=f"the ends are a sequence, the {what} are not")
    if len(values) != axes:
        raise InvalidTileRange(problem=f"there are {axes} ends and {len(values)} {what}")
    return list(values)


def _position(value: Any) -> int:
    if isinstance(value, torch.Tensor) and value.ndim == 0 and not value.is_floating_point():
        return int(value)
    if is_integer(value):
        return int(value)
    raise InvalidTileRange(problem=f"{value!r} ({type(value).__name__}) is no position")


def _block(value: Any) -> int | None:
    if value is None:
        return None
    size = _position(value)
    if size < 1:
        raise InvalidTileRange(problem=f"a block size must be at least 1, got {size}")
    return size
