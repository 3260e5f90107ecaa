"""Matrix multiplication with explicit accumulation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from helion.language._declare import declare

if TYPE_CHECKING:
    import torch

ScaledFormat: TypeAlias = Literal["e2m1", "e4m3", "e5m2", "bf16", "fp16"]


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


@declare
def dot_scaled(
    mat1: torch.Tensor,
    mat1_scale: torch.Tensor | None,
    mat1_format: ScaledFormat,
    mat2: torch.Tensor,
    mat2_scale: torch.Tensor | None,
    mat2_format: ScaledFormat,
    acc: torch.Tensor | None = None,
    out_dtype: torch.dtype | None = None,
) -> torch.Tensor:
    """``mat1 @ mat2`` with a scale for every 32 elements along the inner dimension, added to ``acc`` if there is one.

    Args:
        mat1: ``[m, k]``; of the format "e2m1", ``[m, k / 2]`` bytes, each with two numbers, the lower bits first.
        mat1_scale: ``[m, k / 32]`` bytes, each the power of two ``2 ** (byte - 127)``; None for no scale.
        mat1_format: "e2m1", "e4m3", "e5m2", "bf16" or "fp16". The 8-bit ones are tensors of torch's dtypes or of bytes.
        mat2: ``[k, n]``; of the format "e2m1", ``[k / 2, n]`` bytes.
        mat2_scale: ``[n, k / 32]`` bytes, as for ``mat1``.
        mat2_format: as for ``mat1``.
        acc: ``[m, n]``; its dtype is that of the sum.
        out_dtype: of the result without ``acc``; float32 if not given.

    Returns:
        ``[m, n]``.

    Raises:
        ShapeMismatch: the dimensions do not fit.
        InvalidAPIUsage: a format is unknown, or does not go with the dtype of its operand.
        DeviceAPIOnHost: outside of a tile loop.
    """
    raise NotImplementedError
