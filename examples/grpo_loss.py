"""The loss of group-relative policy optimisation, from logits, and its gradient by them.

For each token, with r the ratio of its probability to the one it was sampled with, and A the advantage of its sequence,

    loss = -min(r A, clip(r, 1 - low, 1 + high) A) + beta KL        KL = exp(d) - d - 1,  d = ref - logp

Log-probabilities of the chosen tokens come out of one walk along the vocabulary with an online sum of exponentials, and
a gather. The backward kernel reads the logits once more and writes the gradient; the softmax is never stored.

What is None is not in the program: without old log-probabilities the ratio is exp(0), with a gradient through it, and
without a reference model there is no penalty.
"""

from typing import Any

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, gradients, pick


@helion.kernel()
def grpo_forward(
    logits: torch.Tensor,
    tokens: torch.Tensor,
    old: torch.Tensor | None,
    ref: torch.Tensor | None,
    advantages: torch.Tensor,
    temperature: float,
    beta: float,
    clip: tuple[float, float],
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The loss and the normaliser of each token, and the slope of the loss by its log-probability.

    All are ``[batch, length]`` float32.

    Args:
        logits: ``[batch, length, vocabulary]``.
        tokens: ``[batch, length]``, the chosen ones.
        old: ``[batch, length]``, their log-probabilities when sampled, or None.
        ref: ``[batch, length]``, those of the reference model, or None for no penalty.
        advantages: ``[batch]``.
        temperature: divides logits.
        beta: weight of the penalty.
        clip: how far a ratio may be below 1 and above 1 before it is clipped.
    """
    low, high = clip
    batch, length, vocabulary = logits.size()
    losses = torch.empty([batch, length], dtype=torch.float32, device=logits.device)
    norms, slopes = torch.empty_like(losses), torch.empty_like(losses)
    for tile_b, tile_l in hl.tile([batch, length]):
        largest = hl.full([tile_b, tile_l], float("-inf"), dtype=torch.float32)
        total = hl.zeros([tile_b, tile_l], dtype=torch.float32)
        for tile_v in hl.tile(vocabulary):
            scaled = logits[tile_b, tile_l, tile_v].to(torch.float32) / temperature
            grown = torch.maximum(largest, torch.amax(scaled, dim=-1))
            shifted = torch.exp(scaled - grown[:, :, None])
            total = total * torch.exp(largest - grown) + shifted.sum(dim=-1)
            largest = grown
        norm = largest + torch.log(total)
        token = tokens[tile_b, tile_l]
        chosen = logits[tile_b.index[:, None], tile_l.index[None, :], token]
        logp = chosen.to(torch.float32) / temperature - norm
        before = logp if old is None else old[tile_b, tile_l].to(torch.float32)
        ratio = torch.exp(logp - before)
        clipped = torch.clamp(ratio, 1 - low, 1 + high)
        advantage = advantages[tile_b].to(torch.float32)[:, None]
        free, bound = ratio * advantage, clipped * advantage
        loss = -torch.minimum(free, bound)
        # A clipped ratio does not move; otherwise the slope of the ratio is the ratio.
        slope = torch.where(free <= bound, -free, 0.0)
        if ref is not None:
            apart = ref[tile_b, tile_l].to(torch.float32) - logp
            loss = loss + beta * (torch.exp(apart) - apart - 1)
            slope = slope + beta * (1 - torch.exp(apart))
        losses[tile_b, tile_l] = loss
        norms[tile_b, tile_l] = norm
        slopes[tile_b, tile_l] = slope
    return losses, norms, slopes


@helion.kernel()
def grpo_backward(
    grad_losses: torch.Tensor,
    logits: torch.Tensor,
    tokens: torch.Tensor,
    norms: torch.Tensor,
    slopes: torch.Tensor,
    temperature: float,
) -> torch.Tensor:
    """The gradient of the logits: slope times (one-hot - softmax), over the temperature."""
    batch, length, vocabulary = logits.size()
    grad = torch.empty_like(logits)
    for tile_b, tile_l in hl.tile([batch, length]):
        weight = (grad_losses[tile_b, tile_l] * slopes[tile_b, tile_l] / temperature)[:, :, None]
        norm = norms[tile_b, tile_l][:, :, None]
        token = tokens[tile_b, tile_l][:, :, None]
        for tile_v in hl.tile(vocabulary):
            scaled = logits[tile_b, tile_l, tile_v].to(torch.float32) / temperature
            one_hot = (tile_v.index[None, None, :] == token).to(torch.float32)
            grad[tile_b, tile_l, tile_v] = weight * (one_hot - torch.exp(scaled - norm))
    return grad


class GRPO(torch.autograd.Function):
    """The loss, known to autograd."""

    @staticmethod
    def forward(ctx: Any, logits: torch.Tensor, tokens: torch.Tensor, *rest: Any) -> torch.Tensor:
        """Keeps logits, normalisers and slopes."""
        losses, norms, slopes = grpo_forward(logits, tokens, *rest)
        ctx.save_for_backward(logits, tokens, norms, slopes)
        ctx.temperature = rest[3]
        return losses

    @staticmethod
    def backward(ctx: Any, grad_losses: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """The gradient of the logits."""
        logits, tokens, norms, slopes = ctx.saved_tensors
        grad = grpo_backward(grad_losses, logits, tokens, norms, slopes, ctx.temperature)
        return grad, *[None] * 7


def grpo_loss(
    logits: torch.Tensor,
    tokens: torch.Tensor,
    old: torch.Tensor | None,
    ref: torch.Tensor | None,
    advantages: torch.Tensor,
    temperature: float = 0.9,
    beta: float = 0.04,
) -> torch.Tensor:
    """The loss of each token, differentiable by the logits."""
    losses: torch.Tensor = GRPO.apply(
        logits, tokens, old, ref, advantages, temperature, beta, (0.2, 0.4)
    )
    return losses


def reference(
    logits: torch.Tensor,
    tokens: torch.Tensor,
    old: torch.Tensor | None,
    ref: torch.Tensor | None,
    advantages: torch.Tensor,
    temperature: float = 0.9,
    beta: float = 0.04,
) -> torch.Tensor:
    """The same by torch."""
    wide = logits if logits.dtype == torch.float64 else logits.float()
    logps = torch.log_softmax(wide / temperature, dim=-1)
    logp = logps.gather(-1, tokens[..., None]).squeeze(-1)
    ratio = torch.exp(logp - (logp.detach() if old is None else old))
    clipped = torch.clamp(ratio, 0.8, 1.4)
    loss = -torch.minimum(ratio * advantages[:, None], clipped * advantages[:, None])
    if ref is None:
        return loss
    apart = ref - logp
    return loss + beta * (torch.exp(apart) - apart - 1)


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    batch, length, vocabulary = pick(gpu=8, cpu=3), pick(gpu=1024, cpu=17), pick(gpu=32768, cpu=67)
    logits = torch.randn(batch, length, vocabulary, device=DEVICE)
    tokens = torch.randint(0, vocabulary, (batch, length), device=DEVICE)
    old, ref = (
        torch.log_softmax(logits / 0.9 + torch.randn_like(logits) / 4, dim=-1)
        .gather(-1, tokens[..., None])
        .squeeze(-1)
        for _ in range(2)
    )
    advantages = torch.randn(batch, device=DEVICE)

    args = logits, tokens, old, ref, advantages
    compare("GRPO loss", grpo_loss, reference, args)
    pair = gradients(grpo_loss, first=1), gradients(reference, first=1)
    compare("GRPO loss, backward", *pair, args)


if __name__ == "__main__":
    main()
