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

    Example:
        def larger(left: tuple[torch.Tensor, ...], right: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
            take = right[0] > left[0]
            return torch.where(take, right[0], left[0]), torch.where(take, right[1], left[1])

        @helion.kernel()
        def best_label(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
            out = torch.empty([scores.size(0)], dtype=torch.int64)
            for tile in hl.tile(scores.size(0)):
                pair = (scores[tile, :], labels[tile, :])
                _, label = hl.reduce(larger, pair, dim=1, other=(float("-inf"), 0))
                out[tile] = label
            return out

        assert best_label(torch.tensor([[1.0, 3.0]]), torch.tensor([[70, 80]])).tolist() == [80]
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

    Example:
        def larger(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
            return torch.maximum(left, right)

        @helion.kernel()
        def running_maxima(x: torch.Tensor) -> torch.Tensor:
            out = torch.empty_like(x)
            for tile in hl.tile(x.size(0)):
                out[tile, :] = hl.associative_scan(larger, x[tile, :], dim=1)
            return out

        assert running_maxima(torch.tensor([[1.0, 4.0, 2.0]])).tolist() == [[1, 4, 4]]
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

    Example:
        @helion.kernel()
        def remaining(x: torch.Tensor) -> torch.Tensor:
            out = torch.empty_like(x)
            for tile in hl.tile(x.size(0)):
                out[tile, :] = hl.cumsum(x[tile, :], dim=1, reverse=True)
            return out

        assert remaining(torch.tensor([[1.0, 4.0, 2.0]])).tolist() == [[7, 6, 2]]
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

    Example:
        @helion.kernel()
        def growth(x: torch.Tensor) -> torch.Tensor:
            out = torch.empty_like(x)
            for tile in hl.tile(x.size(0)):
                out[tile, :] = hl.cumprod(x[tile, :], dim=1)
            return out

        assert growth(torch.tensor([[2.0, 3.0, 0.5]])).tolist() == [[2, 6, 3]]
    """
    raise NotImplementedError
