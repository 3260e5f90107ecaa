"""The matrix product as a differentiable function: both gradients are matrix products, too.

    out = x @ y      grad_x = grad_out @ y.T      grad_y = x.T @ grad_out

One kernel serves all three: transposed views have their own strides, hence their own specializations, and are read in
place. A linear layer on top of it shows the kernel inside of an ordinary module.
"""

from typing import Any

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, gradients, half_precision, pick


@helion.kernel()
def product(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """``x @ y`` for ``[m, k]`` and ``[k, n]`` of any strides, summed in float32."""
    m, k = x.size()
    _, n = y.size()
    out = torch.empty([m, n], dtype=torch.promote_types(x.dtype, y.dtype), device=x.device)
    for tile_m, tile_n in hl.tile([m, n]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(k):
            acc = hl.dot(x[tile_m, tile_k], y[tile_k, tile_n], acc=acc)
        out[tile_m, tile_n] = acc.to(out.dtype)
    return out


class Product(torch.autograd.Function):
    """The matrix product, known to autograd."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Keeps both operands."""
        ctx.save_for_backward(x, y)
        return product(x, y)

    @staticmethod
    def backward(ctx: Any, grad_out: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """The gradients that are asked for."""
        x, y = ctx.saved_tensors
        wants_x, wants_y = ctx.needs_input_grad
        grad_x = product(grad_out, y.T) if wants_x else None
        grad_y = product(x.T, grad_out) if wants_y else None
        return grad_x, grad_y


def matmul(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """``x @ y``, differentiable."""
    result: torch.Tensor = Product.apply(x, y)
    return result


class Linear(torch.nn.Linear):
    """``torch.nn.Linear`` without a bias, over the last dimension of a matrix."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``x @ weight.T``."""
        return matmul(x, self.weight.T)


def reference(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The same by torch."""
    return x @ y


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    size, dtype = pick(gpu=4096, cpu=96), half_precision()
    x, y = (torch.randn(size, size, device=DEVICE).to(dtype) for _ in range(2))
    compare("matmul", matmul, reference, (x, y))
    compare("matmul, backward", gradients(matmul), gradients(reference), (x, y))
    layer = Linear(size, size // 2, bias=False, device=DEVICE, dtype=dtype)
    compare("a linear layer", layer, lambda x: x @ layer.weight.T, (x,))


if __name__ == "__main__":
    main()
