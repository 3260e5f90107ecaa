"""Row softmax, four times: by torch's name, taken apart, in two passes over long rows, and its gradient.

The two-pass kernel is the "online" softmax: one pass along the row keeps the maximum so far and the sum of exponentials
relative to it, and rescales that sum whenever the maximum grows; the second pass writes the quotients.

    pass 1   ▒▒▒▒ ▒▒▒▒ ▒▒▒▒  ─>  maximum, sum
    pass 2   ▒▒▒▒ ▒▒▒▒ ▒▒▒▒  ─>  exp(x - maximum) / sum
"""

from typing import Any

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, gradients, pick


@helion.kernel()
def softmax(x: torch.Tensor) -> torch.Tensor:
    """``torch.softmax(x, dim=1)`` of a matrix."""
    n, _ = x.size()
    out = torch.empty_like(x)
    for tile_n in hl.tile(n):
        out[tile_n, :] = torch.softmax(x[tile_n, :], dim=1)
    return out


@helion.kernel()
def softmax_decomposed(x: torch.Tensor) -> torch.Tensor:
    """The same, spelled out: shift by the maximum, exponentiate, divide by the sum."""
    n, _ = x.size()
    out = torch.empty_like(x)
    for tile_n in hl.tile(n):
        values = x[tile_n, :].to(torch.float32)
        exponentials = torch.exp(values - torch.amax(values, dim=1, keepdim=True))
        out[tile_n, :] = exponentials / torch.sum(exponentials, dim=1, keepdim=True)
    return out


@helion.kernel()
def softmax_two_pass(x: torch.Tensor) -> torch.Tensor:
    """The same, for rows of any length in constant space."""
    m, n = x.size()
    out = torch.empty_like(x)
    block_m, block_n = hl.register_block_size(m), hl.register_block_size(n)
    for tile_m in hl.tile(m, block_size=block_m):
        maximum = hl.full([tile_m], float("-inf"), dtype=torch.float32)
        total = hl.zeros([tile_m], dtype=torch.float32)
        for tile_n in hl.tile(n, block_size=block_n):
            values = x[tile_m, tile_n].to(torch.float32)
            grown = torch.maximum(maximum, torch.amax(values, dim=1))
            shifted = torch.exp(values - grown[:, None])
            total = total * torch.exp(maximum - grown) + shifted.sum(dim=1)
            maximum = grown
        for tile_n in hl.tile(n, block_size=block_n):
            values = x[tile_m, tile_n].to(torch.float32)
            out[tile_m, tile_n] = torch.exp(values - maximum[:, None]) / total[:, None]
    return out


@helion.kernel()
def softmax_backward(grad_out: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
    """The gradient of the input: ``out * (grad_out - sum(grad_out * out))``, row by row."""
    n, _ = out.size()
    grad_x = torch.empty_like(out)
    for tile_n in hl.tile(n):
        probabilities = out[tile_n, :].to(torch.float32)
        grads = grad_out[tile_n, :].to(torch.float32)
        inner = torch.sum(grads * probabilities, dim=1, keepdim=True)
        grad_x[tile_n, :] = probabilities * (grads - inner)
    return grad_x


class Softmax(torch.autograd.Function):
    """Softmax over rows, known to autograd."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        """Keeps the result."""
        out = softmax(x)
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx: Any, grad_out: torch.Tensor) -> torch.Tensor:
        """The gradient of ``x``."""
        (out,) = ctx.saved_tensors
        return softmax_backward(grad_out, out)


def differentiable_softmax(x: torch.Tensor) -> torch.Tensor:
    """``torch.softmax(x, dim=1)`` with a gradient."""
    result: torch.Tensor = Softmax.apply(x)
    return result


def reference(x: torch.Tensor) -> torch.Tensor:
    """The same by torch."""
    return torch.softmax(x, dim=1)


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    x = torch.randn(pick(gpu=8192, cpu=100), pick(gpu=8192, cpu=300), device=DEVICE)
    for kernel in (softmax, softmax_decomposed, softmax_two_pass):
        compare(kernel.name, kernel, reference, (x,))
    backward = gradients(differentiable_softmax), gradients(reference)
    compare("softmax, backward", *backward, (x,))


if __name__ == "__main__":
    main()
