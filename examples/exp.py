"""A pointwise kernel and its gradient, wrapped as a ``torch.autograd.Function``.

The gradient of exp is its own result, so the forward kernel's output is what the backward kernel needs: nothing else
is saved. Any kernel is made differentiable in this way: one kernel for each direction, and a class that says what is
kept in between.
"""

from typing import Any

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, gradients, pick


@helion.kernel()
def exp_forward(x: torch.Tensor) -> torch.Tensor:
    """``torch.exp(x)``, for any shape."""
    out = torch.empty_like(x)
    for tile in hl.tile(x.size()):
        out[tile] = torch.exp(x[tile])
    return out


@helion.kernel()
def exp_backward(grad_out: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
    """The gradient of the input, from that of the output and the output itself."""
    grad_x = torch.empty_like(out)
    for tile in hl.tile(out.size()):
        grad_x[tile] = grad_out[tile] * out[tile]
    return grad_x


class Exp(torch.autograd.Function):
    """exp, known to autograd."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        """Keeps the result."""
        out = exp_forward(x)
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx: Any, grad_out: torch.Tensor) -> torch.Tensor:
        """The gradient of ``x``."""
        (out,) = ctx.saved_tensors
        return exp_backward(grad_out, out)


def exp(x: torch.Tensor) -> torch.Tensor:
    """``torch.exp(x)``, differentiable."""
    result: torch.Tensor = Exp.apply(x)
    return result


def reference(x: torch.Tensor) -> torch.Tensor:
    """The same by torch."""
    return torch.exp(x)


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    x = torch.randn(pick(gpu=2**26, cpu=1000), device=DEVICE)
    compare("exp", exp, reference, (x,))
    compare("exp, backward", gradients(exp), gradients(reference), (x,))


if __name__ == "__main__":
    main()
