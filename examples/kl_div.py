"""The Kullback-Leibler divergence of log-probabilities from a target, as ``torch.nn.KLDivLoss`` has it.

What a string or a flag of the call decides is decided while the kernel is compiled: ``if log_target`` leaves only one
of its branches in the program, and ``reduction`` chooses what the host does with the losses. Each choice is a
specialization of its own.
"""

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, pick


@helion.kernel()
def kl_div(
    log_input: torch.Tensor,
    target: torch.Tensor,
    log_target: hl.constexpr = False,
    reduction: hl.constexpr = "batchmean",
    eps: float = 1e-10,
) -> torch.Tensor:
    """The divergence of ``[rows, columns]`` distributions, given as logarithms, from targets of the same shape.

    Args:
        log_input: logarithms of probabilities.
        target: probabilities, or their logarithms if ``log_target``.
        log_target: which of the two.
        reduction: "none", "sum", "mean" or "batchmean".
        eps: the smallest probability whose logarithm is taken.
    """
    rows, columns = log_input.size()
    losses = torch.empty([rows], dtype=torch.float32, device=log_input.device)
    pointwise = torch.empty(log_input.shape, dtype=torch.float32, device=log_input.device)
    for tile_m in hl.tile(rows):
        total = hl.zeros([tile_m], dtype=torch.float32)
        for tile_n in hl.tile(columns):
            logs = log_input[tile_m, tile_n].to(torch.float32)
            wanted = target[tile_m, tile_n].to(torch.float32)
            if log_target:
                loss = torch.exp(wanted) * (wanted - logs)
            else:
                loss = wanted * (torch.log(torch.clamp(wanted, min=eps)) - logs)
            if reduction == "none":
                pointwise[tile_m, tile_n] = loss
            else:
                total += loss.sum(dim=-1)
        losses[tile_m] = total
    if reduction == "none":
        return pointwise
    if reduction == "batchmean":
        return losses.sum() / rows
    return losses.sum() / (rows * columns) if reduction == "mean" else losses.sum()


def reference(
    log_input: torch.Tensor,
    target: torch.Tensor,
    log_target: bool = False,
    reduction: str = "batchmean",
) -> torch.Tensor:
    """The same by torch."""
    loss: torch.Tensor = torch.nn.functional.kl_div(
        log_input, target, log_target=log_target, reduction=reduction
    )
    return loss


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    rows, columns = pick(gpu=4096, cpu=37), pick(gpu=32768, cpu=67)
    log_input = torch.randn(rows, columns, device=DEVICE).log_softmax(dim=-1)
    target = torch.randn(rows, columns, device=DEVICE).softmax(dim=-1)
    for reduction in ("batchmean", "sum", "none"):
        compare(f"kl_div, {reduction}", kl_div, reference, (log_input, target, False, reduction))
    compare("kl_div, log target", kl_div, reference, (log_input, target.log(), True))


if __name__ == "__main__":
    main()
