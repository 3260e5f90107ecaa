"""Tiles subscripted by tensors of indices, as decompositions and ``torch.embedding`` do it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from helion import exc
from helion_compiler.tracing.location import here
from helion_compiler.tracing.operators.dims import check_rank
from helion_compiler.tracing.operators.lanes import along, pick
from helion_compiler.tracing.operators.parts import known_number
from helion_compiler.tracing.rules import rule_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion_compiler.tracing.state import Trace


@rule_for("index", "_unsafe_index")
def index(
    trace: Trace,
    _operator: Any,
    operand: torch.Tensor,
    indices: Sequence[torch.Tensor | None],
) -> torch.Tensor:
    """``operand[:, i, j]``: the dimensions of the indices, which broadcast, in place of those that they subscript."""
    dims = [dim for dim, entry in enumerate(indices) if entry is not None]
    given = [entry for entry in indices if entry is not None]
    for entry in given:
        if entry.is_floating_point() or entry.dtype in (torch.bool, torch.uint8):
            raise exc.InvalidIndexingType(
                span=here(), index=f"a tensor of {entry.dtype}, on a tile,"
            )
    with trace.listening():
        first = dims[0]
        if dims != list(range(first, first + len(dims))):
            rest = [dim for dim in range(operand.ndim) if dim not in dims]
            operand, first = operand.permute([*dims, *rest]), 0
        extents = [operand.shape[first + number] for number in range(len(dims))]
        wrapped = [
            torch.where(entry < 0, entry + extent, entry)
            for entry, extent in zip(given, extents, strict=True)
        ]
        if len(dims) > 1:
            operand, wrapped = _merged(trace, operand, first, wrapped)
        return _taken(trace, operand, first, wrapped[0])


def _merged(
    trace: Trace, operand: torch.Tensor, first: int, given: Sequence[torch.Tensor]
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """The subscripted dimensions as one, and its index."""
    numbers = [
        known_number(trace, operand, first + number, "index") for number in range(len(given))
    ]
    place = given[0]
    for entry, number in zip(given[1:], numbers[1:], strict=True):
        place = place * number + entry
    shape = operand.shape
    merged = operand.reshape([*shape[:first], math.prod(numbers), *shape[first + len(given) :]])
    return merged, [place]


def _taken(trace: Trace, operand: torch.Tensor, dim: int, place: torch.Tensor) -> torch.Tensor:
    shape = operand.shape
    flat = along(place.reshape(-1), operand.ndim, dim)
    taken = pick(trace, operand, flat, dim)
    return taken.reshape([*shape[:dim], *place.shape, *shape[dim + 1 :]])


@rule_for("embedding")
def embedding(
    trace: Trace, operator: Any, weight: torch.Tensor, indices: torch.Tensor, *_: Any, **__: Any
) -> torch.Tensor:
    """Rows of a table that is a tile."""
    check_rank("embedding", "the table", weight, 2)
    return index(trace, operator, weight, [indices])


@rule_for("take")
def take(trace: Trace, operator: Any, operand: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
    """Elements by their row-major number."""
    with trace.listening():
        flat = operand.reshape(-1)
    return index(trace, operator, flat, [indices])
