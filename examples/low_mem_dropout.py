"""Dropout that stores no mask: the backward pass draws the same random numbers again.

``hl.rand`` is a function of a seed and of each element's place (Philox), whatever the config: the backward kernel may
be tiled differently from the forward one and still drops the very same elements. What is saved is one number.
"""

from typing import Any

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, pick


@helion.kernel()
def dropout_kernel(p: float, x: torch.Tensor, seed: int) -> torch.Tensor:
    """``x / (1 - p)`` with elements of probability ``p`` set to 0, for any shape.

    Forward and backward are the same function: the gradient is dropped where the input was.
    """
    out = torch.empty_like(x)
    flat_in, flat_out = x.view(-1), out.view(-1)
    for tile in hl.tile(flat_in.size(0)):
        kept = hl.rand([tile], seed=seed) > p
        values = flat_in[tile].to(torch.float32)
        flat_out[tile] = torch.where(kept, values / (1 - p), 0.0)
    return out


class Dropout(torch.autograd.Function):
    """Dropout, known to autograd."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, p: float, seed: int) -> torch.Tensor:
        """Keeps the seed."""
        ctx.p, ctx.seed = p, seed
        return dropout_kernel(p, x, seed)

    @staticmethod
    def backward(ctx: Any, grad_out: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """The gradient of ``x``."""
        return dropout_kernel(ctx.p, grad_out.contiguous(), ctx.seed), None, None


def dropout(x: torch.Tensor, p: float, seed: int) -> torch.Tensor:
    """Dropout, differentiable."""
    result: torch.Tensor = Dropout.apply(x, p, seed)
    return result


def gradient_of_sum(x: torch.Tensor, p: float, seed: int) -> torch.Tensor:
    """What of a gradient of ones reaches ``x``."""
    leaf = x.detach().clone().requires_grad_()
    (grad,) = torch.autograd.grad(dropout(leaf, p, seed).sum(), leaf)
    return grad


def reference(x: torch.Tensor, p: float, seed: int) -> torch.Tensor:
    """The same by torch, of the elements that are kept: which they are, the kernel says itself."""
    kept = dropout_kernel(p, torch.ones_like(x), seed) != 0
    return torch.where(kept, x / (1 - p), 0.0)


def main() -> None:
    """Check what dropout promises, and compare with torch; on a GPU, time both."""
    x, p = torch.randn(pick(gpu=2**24, cpu=5000), device=DEVICE), 0.3
    compare("dropout", dropout, reference, (x, p, 7))
    compare("dropout, backward", gradient_of_sum, reference_gradient, (x, p, 7))
    dropped = float((dropout(torch.ones_like(x), p, 7) == 0).float().mean())
    print(f"dropout: {dropped:.1%} are dropped, {p:.0%} asked for")


def reference_gradient(x: torch.Tensor, p: float, seed: int) -> torch.Tensor:
    """The gradient of the sum: a constant where an element was kept."""
    return reference(torch.ones_like(x), p, seed)


if __name__ == "__main__":
    main()
