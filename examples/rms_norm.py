"""Normalisation by the root mean square, and its gradients.

Like ``layer_norm.py`` without the mean: the backward kernel gives each program some rows, and leaves one partial
gradient of the weight for each program to the host.
"""

from typing import Any

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, gradients, pick


@helion.kernel()
def rms_norm_forward(
    x: torch.Tensor, weight: torch.Tensor, eps: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """The normalised ``[rows, columns]``, and the reciprocal root mean square of each row, ``[rows, 1]``."""
    rows, _ = x.size()
    out = torch.empty_like(x)
    inverse = torch.empty([rows, 1], dtype=torch.float32, device=x.device)
    for tile in hl.tile(rows):
        values = x[tile, :].to(torch.float32)
        reciprocal = torch.rsqrt(torch.mean(values * values, dim=-1, keepdim=True) + eps)
        out[tile, :] = values * reciprocal * weight[:].to(torch.float32)
        inverse[tile, :] = reciprocal
    return out, inverse


@helion.kernel()
def rms_norm_backward(
    grad_out: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, inverse: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The gradients of input and weight."""
    rows, columns = x.size()
    columns = hl.specialize(columns)
    grad_x = torch.empty_like(x)
    rows_per_program = hl.register_block_size(rows)
    programs = helion.cdiv(rows, rows_per_program)
    grad_weight = torch.empty([programs, columns], dtype=torch.float32, device=x.device)
    for program in hl.tile(rows, block_size=rows_per_program):
        weight_sum = hl.zeros([columns], dtype=torch.float32)
        scale = weight[:].to(torch.float32)
        for tile in hl.tile(program.begin, program.end):
            reciprocal = inverse[tile, :]
            grads = grad_out[tile, :].to(torch.float32)
            normalised = x[tile, :].to(torch.float32) * reciprocal
            weight_sum += torch.sum(grads * normalised, dim=0)
            scaled = grads * scale[None, :]
            along_x = torch.mean(scaled * normalised, dim=-1, keepdim=True)
            grad_x[tile, :] = (scaled - normalised * along_x) * reciprocal
        grad_weight[program.id, :] = weight_sum
    return grad_x, grad_weight.sum(0).to(weight.dtype)


class RMSNorm(torch.autograd.Function):
    """Normalisation by the root mean square, known to autograd."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
        """Keeps the input and one number for each row."""
        out, inverse = rms_norm_forward(x, weight, eps)
        ctx.save_for_backward(x, weight, inverse)
        return out

    @staticmethod
    def backward(ctx: Any, grad_out: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """The gradients of input and weight; none of ``eps``."""
        return (*rms_norm_backward(grad_out, *ctx.saved_tensors), None)


def rms_norm(x: torch.Tensor, weight: torch.Tensor, eps: float = 1e-5) -> torch.Tensor:
    """``torch.nn.functional.rms_norm`` over the last dimension of a matrix, differentiable."""
    result: torch.Tensor = RMSNorm.apply(x, weight, eps)
    return result


def reference(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """The same by torch."""
    return torch.nn.functional.rms_norm(x, [x.size(-1)], weight, 1e-5)


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    rows, columns = pick(gpu=8192, cpu=37), pick(gpu=4096, cpu=67)
    args = torch.randn(rows, columns, device=DEVICE), torch.rand(columns, device=DEVICE)
    compare("rms norm", rms_norm, reference, args)
    compare("rms norm, backward", gradients(rms_norm), gradients(reference), args)


if __name__ == "__main__":
    main()
