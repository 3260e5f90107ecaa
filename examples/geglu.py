"""GEGLU, the gated unit of many transformers: ``gelu(gate) * up``, and the gradients of both, in a pass each.

Any operator that TorchInductor can lower works in a kernel, here ``torch.nn.functional.gelu`` with its tanh
approximation; the backward kernel spells its derivative out.
"""

import math
from typing import Any

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, gradients, pick

SCALE = math.sqrt(2 / math.pi)
CUBIC = 0.044715


@helion.kernel()
def geglu_forward(gate: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
    """``gelu(gate) * up``, tanh approximation, for any shape."""
    out = torch.empty_like(gate)
    for tile in hl.tile(gate.size()):
        activated = torch.nn.functional.gelu(gate[tile].to(torch.float32), approximate="tanh")
        out[tile] = activated * up[tile].to(torch.float32)
    return out


@helion.kernel()
def geglu_backward(
    grad_out: torch.Tensor, gate: torch.Tensor, up: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The gradients of ``gate`` and ``up``."""
    grad_gate, grad_up = torch.empty_like(gate), torch.empty_like(up)
    for tile in hl.tile(gate.size()):
        x = gate[tile].to(torch.float32)
        grads = grad_out[tile].to(torch.float32)
        tanh = torch.tanh(SCALE * (x + CUBIC * x * x * x))
        slope = 0.5 * (1 + tanh) + 0.5 * x * (1 - tanh * tanh) * SCALE * (1 + 3 * CUBIC * x * x)
        grad_gate[tile] = grads * up[tile].to(torch.float32) * slope
        grad_up[tile] = grads * 0.5 * x * (1 + tanh)
    return grad_gate, grad_up


class GEGLU(torch.autograd.Function):
    """GEGLU, known to autograd."""

    @staticmethod
    def forward(ctx: Any, gate: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
        """Keeps the inputs."""
        ctx.save_for_backward(gate, up)
        return geglu_forward(gate, up)

    @staticmethod
    def backward(ctx: Any, grad_out: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The gradients of both inputs."""
        return geglu_backward(grad_out, *ctx.saved_tensors)


def geglu(gate: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
    """``gelu(gate) * up``, differentiable."""
    result: torch.Tensor = GEGLU.apply(gate, up)
    return result


def reference(gate: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
    """The same by torch."""
    return torch.nn.functional.gelu(gate, approximate="tanh") * up


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    shape = [pick(gpu=4096, cpu=37), pick(gpu=8192, cpu=67)]
    args = [torch.randn(shape, device=DEVICE) for _ in range(2)]
    compare("GEGLU", geglu, reference, args)
    compare("GEGLU, backward", gradients(geglu), gradients(reference), args)


if __name__ == "__main__":
    main()
