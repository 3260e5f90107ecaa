"""Matrix products, in float32 or wider throughout."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from helion.exc import DotBatchDimensionMismatch, ShapeMismatch
from helion.reference.products import exact_in_float64, promoted
from helion.reference.scaled_numbers import decoded

if TYPE_CHECKING:
    from helion.reference.state import ReferenceState


def dot(
    state: ReferenceState,
    a: torch.Tensor,
    b: torch.Tensor,
    acc: torch.Tensor | None,
    out_dtype: torch.dtype | None,
) -> torch.Tensor:
    """The product without rounding below float32, and then the sum."""
    _check("hl.dot", a, b)
    return _sum(state, "hl.dot", _product(a, b), acc, out_dtype)


def dot_scaled(  # noqa: PLR0913, PLR0917 - as declared
    state: ReferenceState,
    mat1: torch.Tensor,
    mat1_scale: torch.Tensor | None,
    mat1_format: str,
    mat2: torch.Tensor,
    mat2_scale: torch.Tensor | None,
    mat2_format: str,
    acc: torch.Tensor | None,
    out_dtype: torch.dtype | None,
) -> torch.Tensor:
    """The product of what the operands stand for, exact until it is summed in float32."""
    wide = state.precise(torch.float32)
    left = decoded("mat1", mat1, mat1_scale, mat1_format).to(wide)
    right = decoded("mat2", mat2.T, mat2_scale, mat2_format).to(wide).T
    _check("hl.dot_scaled", left, right)
    return _sum(state, "hl.dot_scaled", left @ right, acc, out_dtype)


def _product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    if exact_in_float64(a, b):
        return torch.matmul(a.double(), b.double()).to(torch.int64).to(torch.int32)
    wide = promoted(a.dtype, b.dtype)
    if not wide.is_floating_point:
        wide = torch.int32
    elif wide is not torch.float64:
        wide = torch.float32
    return torch.matmul(a.to(wide), b.to(wide))


def _sum(
    state: ReferenceState,
    function: str,
    product: torch.Tensor,
    acc: torch.Tensor | None,
    out_dtype: torch.dtype | None,
) -> torch.Tensor:
    if acc is None:
        return product if out_dtype is None else product.to(state.precise(out_dtype))
    if acc.shape != product.shape:
        raise ShapeMismatch(
            operation=function,
            reason=f"acc is {list(acc.shape)}, the product is {list(product.shape)}",
        )
    return acc + product.to(acc.dtype)


def _check(function: str, a: torch.Tensor, b: torch.Tensor) -> None:
    if a.ndim != b.ndim or a.ndim not in (2, 3) or a.size(-1) != b.size(-2):
        raise ShapeMismatch(
            operation=function, reason=f"{list(a.shape)} cannot be multiplied by {list(b.shape)}"
        )
    if a.ndim == 3 and a.size(0) != b.size(0):
        raise DotBatchDimensionMismatch(left=a.size(0), right=b.size(0))
