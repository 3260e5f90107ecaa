"""The arguments of loop functions, checked and put into one form."""

from __future__ import annotations

from typing import Any

import attrs
import torch

from helion.constraints import is_integer
from helion.exc import InvalidTileRange, TileOfTile
from helion.language import Tile


@attrs.frozen
class AxisRange:
    """One axis of a loop: positions ``begin`` to ``end``; ``step`` is None where it is left open."""

    begin: int
    end: int
    step: int | None


def axis_ranges(
    function: str, begin_or_end: Any, end: Any, step: Any, *, steps: str
) -> tuple[AxisRange, ...]:
    """One range per axis of ``hl.tile(begin_or_end, end, block_size)`` or ``hl.grid(begin_or_end, end, step)``.

    Args:
        function: "tile" or "grid".
        begin_or_end: the first argument.
        end: the second, or None.
        step: the block sizes or steps; one for all, or one per axis.
        steps: what they are called.

    Raises:
        InvalidTileRange: lengths differ, or something is no integer, or a step is not positive.
        TileOfTile: a beginning or an end is a tile.
    """
    begins, ends = (None, begin_or_end) if end is None else (begin_or_end, end)
    if not isinstance(ends, (list, tuple)):
        ends = [ends]
        begins = begins if begins is None else [begins]
    axes = len(ends)
    if axes == 0:
        raise InvalidTileRange(problem=f"`hl.{function}` was given an empty sequence")
    begins = _per_axis("beginnings", 0 if begins is None else begins, axes, spread=begins is None)
    all_steps = _per_axis(steps, step, axes, spread=True)
    return tuple(
        AxisRange(_bound(low, function), _bound(high, function), _step(size, steps, function))
        for low, high, size in zip(begins, ends, all_steps, strict=True)
    )


def static_positions(begin_or_end: Any, end: Any, step: Any) -> range:
    """The positions of ``hl.static_range``.

    Raises:
        InvalidTileRange: something is no integer, or the step is 0.
    """
    begin, end = (0, begin_or_end) if end is None else (begin_or_end, end)
    for value in (begin, end, step):
        if not is_integer(value):
            raise InvalidTileRange(
                problem=f"`hl.static_range` takes integers known at compile time, not a {type(value).__name__}"
            )
    if step == 0:
        raise InvalidTileRange(problem="the step of `hl.static_range` is 0")
    return range(begin, end, step)


def _per_axis(what: str, values: Any, axes: int, *, spread: bool) -> list[Any]:
    if not isinstance(values, (list, tuple)):
        if spread:
            return [values] * axes
        raise InvalidTileRange(problem=f"the ends are a sequence, the {what} are not")
    if len(values) != axes:
        raise InvalidTileRange(problem=f"there are {axes} ends and {len(values)} {what}")
    return list(values)


def _bound(value: Any, function: str) -> int:
    if isinstance(value, Tile):
        raise TileOfTile(function=function)
    if isinstance(value, torch.Tensor) and value.ndim == 0 and not value.is_floating_point():
        return int(value)
    if is_integer(value):
        return int(value)
    raise InvalidTileRange(problem=f"{value!r} ({type(value).__name__}) is no position")


def _step(value: Any, steps: str, function: str) -> int | None:
    if value is None:
        return None
    size = _bound(value, function)
    if size < 1:
        raise InvalidTileRange(problem=f"{steps} must be at least 1, got {size}")
    return size
