"""The generalised Jensen-Shannon divergence of log-probabilities, and its gradient, in one pass over the columns.

Between a student P and a teacher Q, with M = beta Q + (1 - beta) P:

    JSD = beta KL(Q | M) + (1 - beta) KL(P | M)

whose ends are the two Kullback-Leibler divergences: beta = 0 is KL(Q | P), and beta = 1 is KL(P | Q). ``beta`` is a
constant of the compiled kernel, so just one of the three formulas is in the program. Losses and gradients come from
the same loads. Rows whose label is ``ignored`` count for nothing.
"""

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, pick


@helion.kernel()
def jsd(
    student: torch.Tensor,
    teacher: torch.Tensor,
    labels: torch.Tensor,
    beta: hl.constexpr = 0.5,
    ignored: int = -100,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The mean divergence over rows that count, and its gradient by ``student``, both float32.

    Args:
        student: logarithms of probabilities, ``[rows, columns]``.
        teacher: the same.
        labels: ``[rows]``; only whether one is ``ignored`` matters.
        beta: between 0 and 1.
        ignored: marks rows that do not count.
    """
    rows, columns = student.size()
    losses = torch.empty([rows], dtype=torch.float32, device=student.device)
    # Slopes of a mean over many rows are too small for float16, which begins to lose bits below 6e-5.
    grad = torch.empty_like(student, dtype=torch.float32)
    counted = (labels != ignored).sum().view(1)
    for tile_m in hl.tile(rows):
        weight = (labels[tile_m] != ignored).to(torch.float32) / counted[0]
        total = hl.zeros([tile_m], dtype=torch.float32)
        for tile_n in hl.tile(columns):
            log_p = student[tile_m, tile_n].to(torch.float32)
            log_q = teacher[tile_m, tile_n].to(torch.float32)
            if beta == 0.0:
                q = torch.exp(log_q)
                loss, slope = q * (log_q - log_p), -q
            elif beta == 1.0:
                p = torch.exp(log_p)
                loss = p * (log_p - log_q)
                slope = loss + p
            else:
                p, q = torch.exp(log_p), torch.exp(log_q)
                log_m = torch.log(beta * q + (1 - beta) * p)
                slope = (1 - beta) * p * (log_p - log_m)
                loss = beta * q * (log_q - log_m) + slope
            total += loss.sum(dim=-1)
            grad[tile_m, tile_n] = slope * weight[:, None]
        losses[tile_m] = total * weight
    return losses.sum(), grad


def reference(
    student: torch.Tensor, teacher: torch.Tensor, labels: torch.Tensor, beta: float = 0.5
) -> tuple[torch.Tensor, torch.Tensor]:
    """The same by torch and its autograd."""
    with torch.enable_grad():
        log_p = student.detach().requires_grad_()
        log_m = torch.log(beta * torch.exp(teacher) + (1 - beta) * torch.exp(log_p))
        if beta == 0.0:
            divergence = torch.exp(teacher) * (teacher - log_p)
        elif beta == 1.0:
            divergence = torch.exp(log_p) * (log_p - teacher)
        else:
            to_teacher = beta * torch.exp(teacher) * (teacher - log_m)
            divergence = to_teacher + (1 - beta) * torch.exp(log_p) * (log_p - log_m)
        counted = labels != -100
        loss = (divergence.sum(-1) * counted).sum() / counted.sum()
        (grad,) = torch.autograd.grad(loss, log_p)
    return loss.detach(), grad


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    rows, columns = pick(gpu=4096, cpu=37), pick(gpu=32768, cpu=67)
    student, teacher = (
        torch.randn(rows, columns, device=DEVICE).log_softmax(dim=-1) for _ in range(2)
    )
    labels = torch.where(torch.rand(rows, device=DEVICE) < 0.2, -100, 1)
    for beta in (0.0, 0.3, 1.0):
        compare(f"JSD, beta {beta}", jsd, reference, (student, teacher, labels, beta))


if __name__ == "__main__":
    main()
