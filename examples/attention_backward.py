"""The gradients of attention, in one kernel of three phases.

With P = exp(S - lse) the attention weights, S = q kᵀ scale, and dO the gradient of the result:

    delta = rowsum(dO ∘ O)
    dV = Pᵀ dO         dP = dO Vᵀ         dS = P ∘ (dP - delta) scale
    dQ = dS K          dK = dSᵀ Q

P is computed again from the saved ``lse`` rather than stored. Phase 1 finds delta; after a barrier, phase 2 gives each
program some keys and walks along the queries for dK and dV, and phase 3 the other way round for dQ. No atomics are
needed, since every program owns what it writes.
"""

import math
from typing import Any

import torch

import helion
import helion.language as hl
from attention import attention
from beside_torch import DEVICE, compare, gradients, half_precision, pick


@helion.kernel()
def attention_gradients(
    grad_out: torch.Tensor,
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    out: torch.Tensor,
    lse: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The gradients of queries, keys and values.

    Args:
        grad_out: of the result, ``[heads, queries, depth]``.
        q: queries, ``[heads, queries, depth]``; batch and heads are one dimension here.
        k: keys, ``[heads, keys, depth]``.
        v: values, like the keys.
        out: the result.
        lse: the logarithm of the sum of exponentials, ``[heads, queries]``.
    """
    heads, queries, depth = q.size()
    keys = k.size(1)
    depth = hl.specialize(depth)
    scale = 1.0 / math.sqrt(depth)
    grad_q, grad_k, grad_v = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)
    delta = torch.empty([heads, queries], dtype=torch.float32, device=q.device)
    for tile_h, tile_m in hl.tile([heads, queries]):
        both = grad_out[tile_h, tile_m, :].to(torch.float32) * out[tile_h, tile_m, :]
        delta[tile_h, tile_m] = both.sum(dim=-1)
    hl.barrier()
    for tile_h, tile_n in hl.tile([heads, keys]):
        key, value = k[tile_h, tile_n, :], v[tile_h, tile_n, :]
        acc_k = hl.zeros([tile_h, tile_n, depth], dtype=torch.float32)
        acc_v = hl.zeros([tile_h, tile_n, depth], dtype=torch.float32)
        for tile_m in hl.tile(queries):
            query, grad = q[tile_h, tile_m, :], grad_out[tile_h, tile_m, :]
            # Everything is transposed here: keys are rows, queries columns.
            scores = hl.dot(key, query.transpose(1, 2)) * scale
            weights = torch.exp(scores - lse[tile_h, tile_m][:, None, :])
            acc_v = hl.dot(weights.to(grad.dtype), grad, acc=acc_v)
            grad_weights = hl.dot(value, grad.transpose(1, 2))
            grad_scores = weights * (grad_weights - delta[tile_h, tile_m][:, None, :]) * scale
            acc_k = hl.dot(grad_scores.to(query.dtype), query, acc=acc_k)
        grad_k[tile_h, tile_n, :] = acc_k
        grad_v[tile_h, tile_n, :] = acc_v
    for tile_h, tile_m in hl.tile([heads, queries]):
        query, grad = q[tile_h, tile_m, :], grad_out[tile_h, tile_m, :]
        acc_q = hl.zeros([tile_h, tile_m, depth], dtype=torch.float32)
        for tile_n in hl.tile(keys):
            key, value = k[tile_h, tile_n, :], v[tile_h, tile_n, :]
            scores = hl.dot(query, key.transpose(1, 2)) * scale
            weights = torch.exp(scores - lse[tile_h, tile_m][:, :, None])
            grad_weights = hl.dot(grad, value.transpose(1, 2))
            grad_scores = weights * (grad_weights - delta[tile_h, tile_m][:, :, None]) * scale
            acc_q = hl.dot(grad_scores.to(key.dtype), key, acc=acc_q)
        grad_q[tile_h, tile_m, :] = acc_q
    return grad_q, grad_k, grad_v


class Attention(torch.autograd.Function):
    """Attention, known to autograd."""

    @staticmethod
    def forward(ctx: Any, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        """Keeps everything but the scores."""
        out, lse = attention(q, k, v)
        ctx.save_for_backward(q, k, v, out, lse)
        return out

    @staticmethod
    def backward(ctx: Any, grad_out: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The gradients of queries, keys and values."""
        saved = [tensor.flatten(0, 1) for tensor in (grad_out, *ctx.saved_tensors)]
        grads = attention_gradients(*saved)
        inputs = ctx.saved_tensors[:3]
        return tuple(grad.view(one.shape) for grad, one in zip(grads, inputs, strict=True))


def differentiable_attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """``scaled_dot_product_attention(q, k, v)`` for ``[batch, heads, positions, depth]``."""
    result: torch.Tensor = Attention.apply(q, k, v)
    return result


def reference(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """The same by torch."""
    return torch.nn.functional.scaled_dot_product_attention(q, k, v)


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    shape = [pick(gpu=4, cpu=1), pick(gpu=16, cpu=2), pick(gpu=2048, cpu=70), pick(gpu=64, cpu=32)]
    q, k, v = (torch.randn(shape, device=DEVICE).to(half_precision()) for _ in range(3))
    pair = gradients(differentiable_attention), gradients(reference)
    compare("attention, backward", *pair, (q, k, v))


if __name__ == "__main__":
    main()
