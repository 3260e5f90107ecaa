"""Tiles of one number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion_compiler.tracing.fills import fill_tile
from helion_compiler.tracing.rules import rule_for

if TYPE_CHECKING:
    from helion_compiler.tracing.state import Trace


@rule_for("full", "full_like", "new_full")
def full(
    trace: Trace, _operator: Any, first: Any, *rest: Any, dtype: Any = None, **_: Any
) -> torch.Tensor:
    """A tile of one number."""
    sizes, fill, inherited = _fill_arguments(trace, first, rest)
    if dtype is None:
        dtype = inherited or torch.tensor(fill).dtype
    return fill_tile(trace, sizes, fill, dtype)


def _fill_arguments(
    trace: Trace, first: Any, rest: tuple[Any, ...]
) -> tuple[tuple[Any, ...], Any, torch.dtype | None]:
    expression = trace.symbols.expression
    if not isinstance(first, torch.Tensor):
        return tuple(expression(size) for size in first), rest[0], None
    if len(rest) == 2:
        return tuple(expression(size) for size in rest[0]), rest[1], first.dtype
    return trace.sizes_of(first), rest[0], first.dtype


@rule_for("zeros", "zeros_like", "new_zeros", "empty", "empty_like", "new_empty")
def zeros(
    trace: Trace, operator: Any, first: Any, *rest: Any, dtype: Any = None, **_: Any
) -> torch.Tensor:
    """A tile of zeros; an empty tile is one, too."""
    return full(trace, operator, first, *rest, 0.0, dtype=dtype)


@rule_for("ones", "ones_like", "new_ones")
def ones(
    trace: Trace, operator: Any, first: Any, *rest: Any, dtype: Any = None, **_: Any
) -> torch.Tensor:
    """A tile of ones."""
    return full(trace, operator, first, *rest, 1.0, dtype=dtype)


@rule_for("scalar_tensor")
def scalar_tensor(
    trace: Trace, _operator: Any, fill: Any, *, dtype: Any = None, **_: Any
) -> torch.Tensor:
    """A rank-0 tile."""
    return fill_tile(trace, (), fill, dtype or torch.get_default_dtype())
