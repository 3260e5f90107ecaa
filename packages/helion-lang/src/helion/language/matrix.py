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

    Example:
        @helion.kernel()
        def matmul(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            out = torch.empty([x.size(0), y.size(1)])
            for tile_m, tile_n in hl.tile([x.size(0), y.size(1)]):
                acc = hl.zeros([tile_m, tile_n])
                for tile_k in hl.tile(x.size(1)):
                    acc = hl.dot(x[tile_m, tile_k], y[tile_k, tile_n], acc=acc)
                out[tile_m, tile_n] = acc
            return out

        x, y = torch.rand(33, 20), torch.rand(20, 17)
        torch.testing.assert_close(matmul(x, y), x @ y)
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

    Example:
        @helion.kernel()
        def product(x: torch.Tensor, scale: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            out = torch.empty([x.size(0), y.size(1)])
            for tile_m, tile_n in hl.tile([x.size(0), y.size(1)]):
                out[tile_m, tile_n] = hl.dot_scaled(
                    x[tile_m, :], scale[tile_m, :], "e5m2", y[:, tile_n], None, "e5m2"
                )
            return out

        x, y = torch.ones(16, 64).to(torch.float8_e5m2), torch.ones(64, 16).to(torch.float8_e5m2)
        scale = torch.full([16, 2], 128, dtype=torch.uint8)  # two, for every 32 columns
        assert product(x, scale, y).unique().tolist() == [128]
    """
    raise NotImplementedError
