"""Dimensions as authors name them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion import exc
from helion_compiler.tracing.location import here

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch


def dims_of(operand: torch.Tensor, dim: int | Sequence[int] | None) -> list[int]:
    """The dimensions that ``dim`` names, from 0; all of them where it names none.

    As in torch, -1 and 0 are names of the dimension that a number does not have.
    """
    if dim is None or (not isinstance(dim, int) and len(dim) == 0):
        return list(range(operand.ndim))
    given = [dim] if isinstance(dim, int) else list(dim)
    if operand.ndim == 0 and set(given) <= {-1, 0}:
        return []
    return [_checked(position, operand.ndim) for position in given]


def place_of(operand: torch.Tensor, dim: int) -> int:
    """Where ``dim`` says that a dimension is to be inserted, from 0: before each, or behind all."""
    return _checked(dim, operand.ndim + 1)


def _checked(position: int, count: int) -> int:
    if not -count <= position < count:
        span = here()
        raise exc.ReductionDimInvalidForShape(
            span=span,
            operation=(span and span.text()) or "this operation",
            dim=position,
            what=f"{count} dimension(s)",
        )
    return position % count
