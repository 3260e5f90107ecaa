"""Dimensions as authors name them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from helion import exc
from helion_compiler.tracing.location import here

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion_compiler.tracing.state import Trace


def dims_of(operand: torch.Tensor, dim: int | Sequence[int] | None) -> list[int]:
    """The dimensions that ``dim`` names, from 0; all of them where it names none.

    As in torch, -1 and 0 are names of the dimension that a number does not have.
    """
    if dim is None or (not isinstance(dim, int) and len(dim) == 0):
        return list(range(operand.ndim))
    given = [dim] if isinstance(dim, int) else list(dim)
    if operand.ndim == 0 and set(given) <= {-1, 0}:
        return []
    found = [_checked(position, operand.ndim) for position in given]
    for number, position in enumerate(found):
        if position in found[:number]:
            raise _no_such(given[number], f"{operand.ndim} dimension(s), each to be named once")
    return found


def dim_of(operand: torch.Tensor, dim: int) -> int:
    """The dimension that ``dim`` names, from 0."""
    return _checked(dim, operand.ndim)


def place_of(operand: torch.Tensor, dim: int) -> int:
    """Where ``dim`` says that a dimension is to be inserted, from 0: before each, or behind all."""
    return _checked(dim, operand.ndim + 1)


def check_rank(name: str, what: str, operand: torch.Tensor, rank: int) -> None:
    """Refuse an operand of ``torch.<name>`` that has not ``rank`` dimensions."""
    if operand.ndim != rank:
        raise exc.RankMismatch(
            span=here(), what=f"{what} of `torch.{name}`", found=operand.ndim, expected=rank
        )


def check_beside(trace: Trace, name: str, one: torch.Tensor, other: torch.Tensor, dim: int) -> None:
    """Refuse two operands of ``torch.<name>`` whose sizes differ in other dimensions than ``dim``."""
    sizes = [list(trace.sizes_of(tensor)) for tensor in (one, other)]
    for each in sizes:
        del each[dim : dim + 1]
    if one.ndim != other.ndim or sizes[0] != sizes[1]:
        raise exc.ShapeMismatch(
            span=here(),
            operation=f"torch.{name}",
            reason=f"{trace.describe(one)} and {trace.describe(other)} differ beside dim {dim}",
        )


def check_index(name: str, index: torch.Tensor) -> None:
    """Refuse indices that are no integers."""
    if index.is_floating_point() or index.dtype is torch.bool:
        kind = str(index.dtype).removeprefix("torch.")
        raise exc.InvalidIndexingType(span=here(), index=f"in `torch.{name}`, a {kind} tensor")


def _checked(position: int, count: int) -> int:
    if not -count <= position < count:
        raise _no_such(position, f"{count} dimension(s)")
    return position % count


def _no_such(position: int, what: str) -> exc.ReductionDimInvalidForShape:
    span = here()
    operation = (span and span.text()) or "this operation"
    return exc.ReductionDimInvalidForShape(span=span, operation=operation, dim=position, what=what)
