"""``torch.matmul`` and ``@`` on tiles.

torch's own takes them apart before anyone can listen, and by ways that not every version has for tiles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion import exc
from helion_compiler.tracing.location import here

if TYPE_CHECKING:
    from collections.abc import Callable

    from helion_compiler.tracing.state import Trace


def matmul(trace: Trace, lhs: torch.Tensor, rhs: torch.Tensor) -> torch.Tensor:
    """A product as numpy defines it: vectors lose their dimension, batches broadcast."""
    trace.value_of(lhs)
    trace.value_of(rhs)
    if lhs.ndim == rhs.ndim == 1:
        return matmul(trace, lhs.unsqueeze(0), rhs.unsqueeze(1)).reshape([])
    if lhs.ndim == 1:
        return matmul(trace, lhs.unsqueeze(0), rhs).squeeze(-2)
    if rhs.ndim == 1:
        return matmul(trace, lhs, rhs.unsqueeze(1)).squeeze(-1)
    if lhs.ndim == rhs.ndim == 2:
        return torch.mm(lhs, rhs)
    if rhs.ndim == 2:
        rows = torch.mm(lhs.flatten(0, -2), rhs)
        return rows.reshape([*lhs.shape[:-1], rhs.shape[-1]])
    return _batched(trace, lhs, rhs)


def _batched(trace: Trace, lhs: torch.Tensor, rhs: torch.Tensor) -> torch.Tensor:
    """Products of matrices in batches, which become one dimension."""
    batches = trace.sizes_of(lhs)[:-2], trace.sizes_of(rhs)[:-2]
    if lhs.ndim == rhs.ndim == 3 and (
        batches[0] == batches[1] or 1 not in (*batches[0], *batches[1])
    ):
        return torch.bmm(lhs, rhs)
    try:
        batch = torch.broadcast_shapes(lhs.shape[:-2], rhs.shape[:-2])  # type: ignore[no-untyped-call]  # torch leaves it untyped
    except RuntimeError as error:
        raise exc.DotBatchDimensionMismatch(
            span=here(), left=trace.describe(lhs), right=trace.describe(rhs)
        ) from error
    left = lhs.expand([*batch, *lhs.shape[-2:]])
    right = rhs.expand([*batch, *rhs.shape[-2:]])
    if len(batch) == 1:
        return torch.bmm(left, right)
    product = torch.bmm(left.flatten(0, -3), right.flatten(0, -3))
    return product.reshape([*batch, lhs.shape[-2], rhs.shape[-1]])


def reversed_matmul(trace: Trace, rhs: torch.Tensor, lhs: torch.Tensor) -> torch.Tensor:
    """``lhs @ rhs``, asked of ``rhs``."""
    return matmul(trace, lhs, rhs)


PRODUCTS: dict[Any, Callable[[Trace, torch.Tensor, torch.Tensor], torch.Tensor]] = {
    torch.matmul: matmul,
    torch.Tensor.matmul: matmul,
    torch.Tensor.__matmul__: matmul,
    torch.Tensor.__rmatmul__: reversed_matmul,
}
"""By the function that torch reports."""
