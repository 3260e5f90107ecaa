"""Matrix multiplication with explicit accumulation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion.language._declare import declare

if TYPE_CHECKING:
    import torch


@declare
def dot(
    a: torch.Tensor,
    b: torch.Tensor,
    acc: torch.Tensor | None = None,
    out_dtype: torch.dtype | None = None,
) -> torch.Tensor:
    """``a @ b``, added to ``acc`` if there is one, without rounding the products.

    Args:
        a: ``[m, k]`` or ``[batch, m, k]``.
        b: ``[k, n]`` or ``[batch, k, n]``.
        acc: ``[m, n]`` or ``[batch, m, n]``; its dtype is that of the sum.
        out_dtype: of the result without ``acc``; by default float32, float64 for float64 operands,
            int32 for integers.

    Returns:
        ``[m, n]`` or ``[batch, m, n]``, of ``acc``'s dtype, else ``out_dtype``.

    Raises:
        ShapeMismatch: the inner dimensions differ, or ``acc`` does not have the shape of the product.
        DotBatchDimensionMismatch: the batch dimensions differ.
        DeviceAPIOnHost: outside of a tile loop; there, use ``a @ b``.
    """
    raise NotImplementedError
