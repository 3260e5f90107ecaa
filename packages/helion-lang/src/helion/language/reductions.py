"""Reductions and scans with combine functions of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from helion.language._declare import declare

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch


@overload
def reduce(
    combine_fn: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    input_tensor: torch.Tensor,
    dim: int | None = None,
    other: float = 0,
    keep_dims: bool = False,
) -> torch.Tensor: ...
@overload
def reduce(
    combine_fn: Callable[..., tuple[torch.Tensor, ...]],
    input_tensor: tuple[torch.Tensor, ...],
    dim: int | None = None,
    other: float | tuple[float, ...] = 0,
    keep_dims: bool = False,
) -> tuple[torch.Tensor, ...]: ...
@declare
def reduce(
    combine_fn: Callable[..., Any],
    input_tensor: torch.Tensor | tuple[torch.Tensor, ...],
    dim: int | None = None,
    other: float | tuple[float, ...] = 0,
    keep_dims: bool = False,
) -> torch.Tensor | tuple[torch.Tensor, ...]:
    """Combine all elements along a dimension into one.

    Args:
        combine_fn: associative and commutative. Given a tensor, called with two of them and returns one. Given a
            tuple of n, called with two tuples (or with 2n tensors, if it takes that many parameters) and returns a
            tuple of n. Dtypes stay the same.
        input_tensor: a tensor, or a tuple of tensors of one shape.
        dim: the dimension to reduce; all of them if not given.
        other: the neutral element of ``combine_fn``, one per tensor or one for all: what fills up blocks.
        keep_dims: whether reduced dimensions stay, with size 1.

    Returns:
        A tensor, or a tuple as long as the input's.

    Raises:
        InvalidReductionDim: there is no such dimension.
        ShapeMismatch: the tensors of a tuple differ in shape.
        DeviceAPIOnHost: outside of a tile loop.
    """
    raise NotImplementedError


@overload
def associative_scan(
    combine_fn: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    input_tensor: torch.Tensor,
    dim: int,
    reverse: bool = False,
) -> torch.Tensor: ...
@overload
def associative_scan(
    combine_fn: Callable[..., tuple[torch.Tensor, ...]],
    input_tensor: tuple[torch.Tensor, ...],
    dim: int,
    reverse: bool = False,
) -> tuple[torch.Tensor, ...]: ...
@declare
def associative_scan(
    combine_fn: Callable[..., Any],
    input_tensor: torch.Tensor | tuple[torch.Tensor, ...],
    dim: int,
    reverse: bool = False,
) -> torch.Tensor | tuple[torch.Tensor, ...]:
    """Combine, at each position along a dimension, all elements up to and including it.

    Args:
        combine_fn: associative; called as by :func:`reduce`, the earlier elements first.
        input_tensor: a tensor, or a tuple of tensors of one shape.
        dim: the dimension to scan.
        reverse: whether to start from the end.

    Returns:
        Values of the input's shapes and dtypes.

    Raises:
        InvalidReductionDim: there is no such dimension.
        ShapeMismatch: the tensors of a tuple differ in shape.
        DeviceAPIOnHost: outside of a tile loop.
    """
    raise NotImplementedError


@declare
def cumsum(input_tensor: torch.Tensor, dim: int, reverse: bool = False) -> torch.Tensor:
    """The sum, at each position along ``dim``, of all elements up to and including it, in the input's dtype.

    Args:
        input_tensor: of any rank.
        dim: the dimension to scan.
        reverse: whether to start from the end.

    Raises:
        InvalidReductionDim: there is no such dimension.
        DeviceAPIOnHost: outside of a tile loop; there, use :func:`torch.cumsum`.
    """
    raise NotImplementedError


@declare
def cumprod(input_tensor: torch.Tensor, dim: int, reverse: bool = False) -> torch.Tensor:
    """The product, at each position along ``dim``, of all elements up to and including it, in the input's dtype.

    Args:
        input_tensor: of any rank.
        dim: the dimension to scan.
        reverse: whether to start from the end.

    Raises:
        InvalidReductionDim: there is no such dimension.
        DeviceAPIOnHost: outside of a tile loop; there, use :func:`torch.cumprod`.
    """
    raise NotImplementedError
