"""Operators that give parts of a tile: several slices at once, diagonals, windows."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from helion import exc
from helion_compiler.tracing.iota import iota
from helion_compiler.tracing.location import here
from helion_compiler.tracing.operators.dims import dim_of, dims_of
from helion_compiler.tracing.operators.lanes import known_size, pick, select, slice_
from helion_compiler.tracing.rules import rule_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from helion_compiler.tracing.state import Trace


@rule_for("split")
def split(
    trace: Trace, operator: Any, operand: torch.Tensor, split_size: Any, dim: int = 0
) -> list[torch.Tensor]:
    """Slices of one size, the last of which may be shorter; of several sizes, if there are several."""
    if isinstance(split_size, list | tuple):
        return split_with_sizes(trace, operator, operand, split_size, dim)
    size = known_number(trace, operand, dim, "split")
    if size == 0:
        return [slice_(trace, None, operand, dim, 0, 0)]
    starts = range(0, size, max(1, split_size))
    return [slice_(trace, None, operand, dim, start, start + split_size) for start in starts]


@rule_for("split_with_sizes", "split_with_sizes_copy")
def split_with_sizes(
    trace: Trace, _operator: Any, operand: torch.Tensor, split_sizes: Sequence[Any], dim: int = 0
) -> list[torch.Tensor]:
    """Slices of given sizes, one after the other."""
    size = known_number(trace, operand, dim, "split")
    if sum(split_sizes) != size:
        raise exc.ShapeMismatch(
            span=here(),
            operation="torch.split",
            reason=f"sizes {list(split_sizes)} do not add up to {size}",
        )
    ends = list(itertools.accumulate(split_sizes))
    return [
        slice_(trace, None, operand, dim, end - part, end)
        for end, part in zip(ends, split_sizes, strict=True)
    ]


@rule_for("unbind", "unbind_copy")
def unbind(trace: Trace, _operator: Any, operand: torch.Tensor, dim: int = 0) -> list[torch.Tensor]:
    """Every index of a dimension, which goes away."""
    size = known_number(trace, operand, dim, "unbind")
    return [select(trace, None, operand, dim, index) for index in range(size)]


@rule_for("diagonal", "diagonal_copy")
def diagonal(
    trace: Trace,
    _operator: Any,
    operand: torch.Tensor,
    offset: int = 0,
    dim1: int = 0,
    dim2: int = 1,
) -> torch.Tensor:
    """The elements ``[i, i + offset]`` of two dimensions, as a new last dimension."""
    rows, columns = dims_of(operand, (dim1, dim2))
    height, width = (known_number(trace, operand, dim, "diagonal") for dim in (rows, columns))
    first = max(0, -offset)
    count = max(0, min(height - first, width - first - offset))
    with trace.listening():
        shape = [-1 if dim == rows else 1 for dim in range(operand.ndim)]
        places = (iota(trace, height) + offset).reshape(shape)
        line = pick(trace, operand, places, columns).squeeze(columns)
        rows -= int(columns < rows)
        return slice_(trace, None, line.movedim(rows, -1), -1, first, first + count)


@rule_for("unfold")
def unfold(
    trace: Trace, _operator: Any, operand: torch.Tensor, dim: int, size: int, step: int
) -> torch.Tensor:
    """Windows of ``size`` elements, ``step`` apart, as a new last dimension."""
    with trace.listening():
        if operand.ndim == 0:
            return operand.expand([size])
        dim = dim_of(operand, dim)
        extent = known_number(trace, operand, dim, "unfold")
        count = (extent - size) // step + 1
        if count < 1:
            raise exc.ShapeMismatch(
                span=here(), operation="torch.unfold", reason=f"{size} is more than {extent}"
            )
        places = iota(trace, count)[:, None] * step + iota(trace, size)[None, :]
        shape = [-1 if i == dim else 1 for i in range(operand.ndim)]
        windows = pick(trace, operand, places.reshape(shape), dim)
        parted = windows.reshape([*windows.shape[:dim], count, size, *windows.shape[dim + 1 :]])
        return parted.movedim(dim + 1, -1)


def known_number(trace: Trace, operand: torch.Tensor, dim: int, name: str) -> int:
    """The size of a dimension that has to be a plain number."""
    size = known_size(trace, operand, dim_of(operand, dim), name)
    if not isinstance(size, int):
        raise exc.UnsupportedOperator(
            span=here(),
            operator=f"torch.{name}",
            reason=f"the size of dimension {dim} is not known while compiling: "
            "use `hl.specialize`, or static_shapes=True",
        )
    return size
