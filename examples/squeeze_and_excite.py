"""Squeeze-and-excitation: ``x * sigmoid(relu(x @ a) @ b)``, two matrix products in one kernel.

A small layer a squeezes the features of a row, b excites them again, and the result gates the row itself (Hu et al.,
2017). The squeezed row is short enough to stay in registers between the two products.
"""

from typing import Any

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, gradients, half_precision, pick


@helion.kernel()
def forward_kernel(
    x: torch.Tensor, a: torch.Tensor, b: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The gated ``[rows, n]``, the squeezed ``[rows, k]`` and the gate ``[rows, n]``."""
    rows, n = x.size()
    k = hl.specialize(a.size(1))
    out, gates = torch.empty_like(x), torch.empty_like(x)
    squeezed = torch.empty([rows, k], dtype=x.dtype, device=x.device)
    for tile_m in hl.tile(rows):
        acc = hl.zeros([tile_m, k], dtype=torch.float32)
        for tile_n in hl.tile(n):
            acc = torch.addmm(acc, x[tile_m, tile_n], a[tile_n, :])
        hidden = torch.relu(acc).to(x.dtype)
        squeezed[tile_m, :] = hidden
        for tile_n in hl.tile(n):
            gate = torch.sigmoid(hl.dot(hidden, b[:, tile_n]))
            gates[tile_m, tile_n] = gate
            out[tile_m, tile_n] = x[tile_m, tile_n].to(torch.float32) * gate
    return out, squeezed, gates


@helion.kernel()
def backward_x(
    grad_out: torch.Tensor,
    x: torch.Tensor,
    a: torch.Tensor,
    b: torch.Tensor,
    squeezed: torch.Tensor,
    gates: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The gradient of ``x``, and of what comes before the sigmoid and before the relu."""
    rows, n = x.size()
    k = hl.specialize(a.size(1))
    grad_x, before_sigmoid = torch.empty_like(x), torch.empty_like(x)
    before_relu = torch.empty_like(squeezed)
    for tile_m in hl.tile(rows):
        acc = hl.zeros([tile_m, k], dtype=torch.float32)
        for tile_n in hl.tile(n):
            gate = gates[tile_m, tile_n].to(torch.float32)
            grad_gate = grad_out[tile_m, tile_n] * x[tile_m, tile_n].to(torch.float32)
            inner = (grad_gate * gate * (1 - gate)).to(x.dtype)
            before_sigmoid[tile_m, tile_n] = inner
            acc = hl.dot(inner, b[:, tile_n].T, acc=acc)
        hidden = torch.where(squeezed[tile_m, :] > 0, acc, 0.0).to(x.dtype)
        before_relu[tile_m, :] = hidden
        for tile_n in hl.tile(n):
            direct = grad_out[tile_m, tile_n] * gates[tile_m, tile_n].to(torch.float32)
            grad_x[tile_m, tile_n] = hl.dot(hidden, a[tile_n, :].T, acc=direct)
    return grad_x, before_sigmoid, before_relu


@helion.kernel()
def transposed_product(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """``x.T @ y``: the gradients of both layers are of this form."""
    rows, m = x.size()
    _, n = y.size()
    out = torch.empty([m, n], dtype=x.dtype, device=x.device)
    for tile_m, tile_n in hl.tile([m, n]):
        acc = hl.zeros([tile_m, tile_n], dtype=torch.float32)
        for tile_k in hl.tile(rows):
            acc = torch.addmm(acc, x[tile_k, tile_m].T, y[tile_k, tile_n])
        out[tile_m, tile_n] = acc
    return out


class SqueezeAndExcite(torch.autograd.Function):
    """Squeeze-and-excitation, known to autograd."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """Keeps inputs, squeezed rows and gates."""
        out, squeezed, gates = forward_kernel(x, a, b)
        ctx.save_for_backward(x, a, b, squeezed, gates)
        return out

    @staticmethod
    def backward(ctx: Any, grad_out: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The gradients of row and layers."""
        x, a, b, squeezed, gates = ctx.saved_tensors
        grad_x, before_sigmoid, before_relu = backward_x(grad_out, x, a, b, squeezed, gates)
        grad_a = transposed_product(x, before_relu)
        return grad_x, grad_a, transposed_product(squeezed, before_sigmoid)


def squeeze_and_excite(x: torch.Tensor, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """``x * sigmoid(relu(x @ a) @ b)``, differentiable."""
    result: torch.Tensor = SqueezeAndExcite.apply(x, a, b)
    return result


def reference(x: torch.Tensor, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """The same by torch."""
    return x * torch.sigmoid(torch.relu(x @ a) @ b)


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    rows, n, k = pick(gpu=8192, cpu=37), pick(gpu=1024, cpu=67), pick(gpu=64, cpu=16)
    shapes = [rows, n], [n, k], [k, n]
    args = [(torch.randn(s, device=DEVICE) * s[1] ** -0.25).to(half_precision()) for s in shapes]
    compare("squeeze and excite", squeeze_and_excite, reference, args)
    pair = gradients(squeeze_and_excite), gradients(reference)
    compare("squeeze and excite, backward", *pair, args)


if __name__ == "__main__":
    main()
