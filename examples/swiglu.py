"""SwiGLU, ``silu(gate) * up``, on one tensor that holds both, and its gradients.

Gate and up usually come out of one matrix product, as two halves of its columns. The kernel takes views of the halves,
made on the host without a copy; their strides are those of the whole.
"""

from typing import Any

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, gradients, pick


@helion.kernel()
def swiglu_forward(both: torch.Tensor) -> torch.Tensor:
    """``silu(gate) * up`` of ``[rows, 2 columns]``, gate first."""
    rows, twice = both.size()
    columns = twice // 2
    gate, up = both[:, :columns], both[:, columns:]
    out = torch.empty([rows, columns], dtype=both.dtype, device=both.device)
    for tile_m, tile_n in hl.tile([rows, columns]):
        x = gate[tile_m, tile_n].to(torch.float32)
        out[tile_m, tile_n] = x * torch.sigmoid(x) * up[tile_m, tile_n].to(torch.float32)
    return out


@helion.kernel()
def swiglu_backward(grad_out: torch.Tensor, both: torch.Tensor) -> torch.Tensor:
    """The gradient of the input, both halves in one tensor."""
    rows, columns = grad_out.size()
    gate, up = both[:, :columns], both[:, columns:]
    grad = torch.empty_like(both)
    grad_gate, grad_up = grad[:, :columns], grad[:, columns:]
    for tile_m, tile_n in hl.tile([rows, columns]):
        x = gate[tile_m, tile_n].to(torch.float32)
        grads = grad_out[tile_m, tile_n].to(torch.float32)
        sigmoid = torch.sigmoid(x)
        slope = sigmoid * (1 + x * (1 - sigmoid))
        grad_gate[tile_m, tile_n] = grads * up[tile_m, tile_n].to(torch.float32) * slope
        grad_up[tile_m, tile_n] = grads * x * sigmoid
    return grad


class SwiGLU(torch.autograd.Function):
    """SwiGLU, known to autograd."""

    @staticmethod
    def forward(ctx: Any, both: torch.Tensor) -> torch.Tensor:
        """Keeps the input."""
        ctx.save_for_backward(both)
        return swiglu_forward(both)

    @staticmethod
    def backward(ctx: Any, grad_out: torch.Tensor) -> torch.Tensor:
        """The gradient of the input."""
        return swiglu_backward(grad_out, *ctx.saved_tensors)


def swiglu(both: torch.Tensor) -> torch.Tensor:
    """``silu(gate) * up``, differentiable."""
    result: torch.Tensor = SwiGLU.apply(both)
    return result


def reference(both: torch.Tensor) -> torch.Tensor:
    """The same by torch."""
    gate, up = both.chunk(2, dim=1)
    return torch.nn.functional.silu(gate) * up


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    both = torch.randn(pick(gpu=8192, cpu=37), pick(gpu=8192, cpu=66), device=DEVICE)
    compare("SwiGLU", swiglu, reference, (both,))
    compare("SwiGLU, backward", gradients(swiglu), gradients(reference), (both,))


if __name__ == "__main__":
    main()
