"""Which tile loop's axis each dimension of a value runs along, where accesses say so.

Tiles that share a registered block size have one size; where such loops nest, the size alone does not tell whose
padding a dimension has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion_compiler.program.access import layout
from helion_compiler.program.ops import (
    Broadcast,
    Load,
    Mask,
    Op,
    Permute,
    Pointwise,
    Range,
    Reduce,
    Squeeze,
    Unsqueeze,
)
from helion_compiler.program.types import Axis, TileSlice, Value

if TYPE_CHECKING:
    from collections.abc import Mapping

DimAxes = tuple[Axis | None, ...]
"""One entry per dimension; None where nothing is known, or no tile."""


def dim_axes(op: Op, result: Value, known: Mapping[Value, DimAxes]) -> DimAxes:
    """The axes of an op's result, given those of its operands."""
    rank = len(result.type.shape)
    unknown: DimAxes = (None,) * rank
    match op:
        case Load():
            return _accessed(op, rank)
        case Range():
            return (None,) if op.axis.whole else (op.axis,)
        case Pointwise():
            operands = [arg for arg in (*op.args, *op.kwargs.values()) if isinstance(arg, Value)]
            return tuple(_along(operands, dim - rank, known) for dim in range(rank))
        case Mask():
            return known.get(op.operand, unknown)
        case Permute() | Unsqueeze() | Squeeze() | Broadcast() | Reduce():
            return _arranged(op, known.get(op.operand, (None,) * len(op.operand.type.shape)))
        case _:
            return unknown


def _accessed(op: Load, rank: int) -> DimAxes:
    axes: list[Axis | None] = [None] * rank
    for entry, dims in zip(op.subscripts, layout(op.subscripts), strict=True):
        if isinstance(entry, TileSlice):
            axes[dims[0]] = entry.axis
    return tuple(axes)


def _along(operands: list[Value], dim: int, known: Mapping[Value, DimAxes]) -> Axis | None:
    """What operands agree on along ``dim``, counted from the end."""
    found = {
        known[operand][dim]
        for operand in operands
        if operand in known and len(known[operand]) >= -dim and operand.type.shape[dim] != 1
    } - {None}
    return found.pop() if len(found) == 1 else None


def _arranged(op: Permute | Unsqueeze | Squeeze | Broadcast | Reduce, axes: DimAxes) -> DimAxes:
    match op:
        case Permute():
            return tuple(axes[dim] for dim in op.order)
        case Unsqueeze():
            return (*axes[: op.dim], None, *axes[op.dim :])
        case Broadcast():
            sizes = zip(op.operand.type.shape, op.result.type.shape, axes, strict=True)
            return tuple(axis if before == after else None for before, after, axis in sizes)
        case Reduce() if op.keepdim:
            return (*axes[: op.dim], None, *axes[op.dim + 1 :])
        case _:
            return (*axes[: op.dim], *axes[op.dim + 1 :])
