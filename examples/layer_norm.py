"""Layer normalisation and its gradients: rows on the way forward, rows and columns on the way back.

The gradient of the input needs a row at a time; those of weight and bias are sums over all rows. The backward kernel
gives each program a block of rows, which it walks in steps while it adds up the columns; a second, small reduction
on the host then adds the programs' partial sums:

            columns
          ┌─────────┐
    rows  │ program │ ─> partial sums of columns ─┐
          │    0    │                             ├─ .sum(0) ─> gradients of weight and bias
          ├─────────┤                             │
          │ program │ ─> partial sums of columns ─┘
          │    1    │
          └─────────┘
"""

from typing import Any

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, gradients, pick


@helion.kernel()
def layer_norm_forward(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, eps: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The normalised ``[rows, columns]``, and the mean and reciprocal deviation of each row."""
    rows, _ = x.size()
    out = torch.empty_like(x)
    mean = torch.empty([rows], dtype=torch.float32, device=x.device)
    rstd = torch.empty([rows], dtype=torch.float32, device=x.device)
    for tile in hl.tile(rows):
        values = x[tile, :].to(torch.float32)
        variance, average = torch.var_mean(values, dim=-1, keepdim=True, correction=0)
        reciprocal = torch.rsqrt(variance + eps)
        normalised = (values - average) * reciprocal
        out[tile, :] = normalised * weight[:].to(torch.float32) + bias[:].to(torch.float32)
        mean[tile] = average.squeeze(-1)
        rstd[tile] = reciprocal.squeeze(-1)
    return out, mean, rstd


@helion.kernel()
def layer_norm_backward(
    grad_out: torch.Tensor,
    x: torch.Tensor,
    weight: torch.Tensor,
    mean: torch.Tensor,
    rstd: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The gradients of input, weight and bias."""
    rows, columns = x.size()
    columns = hl.specialize(columns)
    grad_x = torch.empty_like(x)
    rows_per_program = hl.register_block_size(rows)
    programs = helion.cdiv(rows, rows_per_program)
    grad_weight = torch.empty([programs, columns], dtype=torch.float32, device=x.device)
    grad_bias = torch.empty([programs, columns], dtype=torch.float32, device=x.device)
    for program in hl.tile(rows, block_size=rows_per_program):
        weight_sum = hl.zeros([columns], dtype=torch.float32)
        bias_sum = hl.zeros([columns], dtype=torch.float32)
        scale = weight[:].to(torch.float32)
        for tile in hl.tile(program.begin, program.end):
            grads = grad_out[tile, :].to(torch.float32)
            normalised = (x[tile, :].to(torch.float32) - mean[tile][:, None]) * rstd[tile][:, None]
            weight_sum += torch.sum(grads * normalised, dim=0)
            bias_sum += torch.sum(grads, dim=0)
            scaled = grads * scale[None, :]
            along_x = torch.mean(scaled * normalised, dim=-1, keepdim=True)
            along_one = torch.mean(scaled, dim=-1, keepdim=True)
            grad_x[tile, :] = (scaled - normalised * along_x - along_one) * rstd[tile][:, None]
        grad_weight[program.id, :] = weight_sum
        grad_bias[program.id, :] = bias_sum
    return grad_x, grad_weight.sum(0).to(weight.dtype), grad_bias.sum(0).to(weight.dtype)


class LayerNorm(torch.autograd.Function):
    """Layer normalisation over the last dimension, known to autograd."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, eps: float
    ) -> torch.Tensor:
        """Keeps the input and two numbers for each row."""
        out, mean, rstd = layer_norm_forward(x, weight, bias, eps)
        ctx.save_for_backward(x, weight, mean, rstd)
        return out

    @staticmethod
    def backward(ctx: Any, grad_out: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """The gradients of input, weight and bias; none of ``eps``."""
        return (*layer_norm_backward(grad_out, *ctx.saved_tensors), None)


def layer_norm(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, eps: float = 1e-5
) -> torch.Tensor:
    """``torch.nn.functional.layer_norm`` over the last dimension of a matrix, differentiable."""
    result: torch.Tensor = LayerNorm.apply(x, weight, bias, eps)
    return result


def reference(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """The same by torch."""
    return torch.nn.functional.layer_norm(x, [x.size(-1)], weight, bias)


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    rows, columns = pick(gpu=8192, cpu=37), pick(gpu=4096, cpu=67)
    x = torch.randn(rows, columns, device=DEVICE)
    args = x, torch.rand(columns, device=DEVICE), torch.rand(columns, device=DEVICE)
    compare("layer norm", layer_norm, reference, args)
    compare("layer norm, backward", gradients(layer_norm), gradients(reference), args)


if __name__ == "__main__":
    main()
