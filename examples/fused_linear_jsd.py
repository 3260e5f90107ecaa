"""The Jensen-Shannon divergence between two models, from hidden states: last layer, softmax and loss in one.

The logits of a large vocabulary are what takes the memory, so they are never written: each program computes those of a
few rows, a step of the vocabulary at a time, twice. The first sweep finds the normaliser of each row's softmax, online
as in ``softmax.py``; the second computes the logits again and adds up the divergence.

    hidden [rows, h] ──@ weight.T [h, v] ──> a step of logits ──> maximum, sum      sweep 1
                                        └──> a step of logits ──> divergence        sweep 2
"""

import torch

import helion
import helion.language as hl
from beside_torch import DEVICE, compare, pick


def grow(
    maximum: torch.Tensor, total: torch.Tensor, logits: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The running maximum and sum of exponentials of each row, with one more step of logits in them."""
    grown = torch.maximum(maximum, torch.amax(logits, dim=-1))
    total = total * torch.exp(maximum - grown) + torch.exp(logits - grown[:, None]).sum(dim=-1)
    return grown, total


def logits_of(
    states: torch.Tensor, weight: torch.Tensor, tile_m: hl.Tile, tile_v: hl.Tile
) -> torch.Tensor:
    """``states @ weight.T`` for some rows and some of the vocabulary: a helper with a loop of its own."""
    acc = hl.zeros([tile_m, tile_v], dtype=torch.float32)
    for tile_k in hl.tile(states.size(1)):
        acc = torch.addmm(acc, states[tile_m, tile_k], weight[tile_v, tile_k].T)
    return acc


@helion.kernel()
def fused_linear_jsd(
    student: torch.Tensor,
    student_weight: torch.Tensor,
    teacher: torch.Tensor,
    teacher_weight: torch.Tensor,
    beta: hl.constexpr = 0.5,
    temperature: float = 1.0,
) -> torch.Tensor:
    """The mean divergence over rows.

    Args:
        student: hidden states, ``[rows, hidden]``.
        student_weight: the last layer, ``[vocabulary, hidden]``.
        teacher: hidden states, ``[rows, hidden of the teacher]``.
        teacher_weight: its last layer.
        beta: weight of the teacher in the mixture, between 0 and 1 and neither.
        temperature: divides the logits.
    """
    rows, _ = student.size()
    vocabulary, _ = student_weight.size()
    losses = torch.empty([rows], dtype=torch.float32, device=student.device)
    block_v = hl.register_block_size(vocabulary)
    for tile_m in hl.tile(rows):
        student_max = hl.full([tile_m], float("-inf"), dtype=torch.float32)
        teacher_max = hl.full([tile_m], float("-inf"), dtype=torch.float32)
        student_sum = hl.zeros([tile_m], dtype=torch.float32)
        teacher_sum = hl.zeros([tile_m], dtype=torch.float32)
        for tile_v in hl.tile(vocabulary, block_size=block_v):
            logits = logits_of(student, student_weight, tile_m, tile_v) / temperature
            student_max, student_sum = grow(student_max, student_sum, logits)
            logits = logits_of(teacher, teacher_weight, tile_m, tile_v) / temperature
            teacher_max, teacher_sum = grow(teacher_max, teacher_sum, logits)
        student_norm = student_max + torch.log(student_sum)
        teacher_norm = teacher_max + torch.log(teacher_sum)
        loss = hl.zeros([tile_m], dtype=torch.float32)
        for tile_v in hl.tile(vocabulary, block_size=block_v):
            logits = logits_of(student, student_weight, tile_m, tile_v) / temperature
            log_p = logits - student_norm[:, None]
            logits = logits_of(teacher, teacher_weight, tile_m, tile_v) / temperature
            log_q = logits - teacher_norm[:, None]
            p, q = torch.exp(log_p), torch.exp(log_q)
            log_m = torch.log(beta * q + (1 - beta) * p)
            divergence = beta * q * (log_q - log_m) + (1 - beta) * p * (log_p - log_m)
            loss += divergence.sum(dim=-1)
        losses[tile_m] = loss
    return losses.mean()


def reference(
    student: torch.Tensor,
    student_weight: torch.Tensor,
    teacher: torch.Tensor,
    teacher_weight: torch.Tensor,
    beta: float = 0.5,
    temperature: float = 1.0,
) -> torch.Tensor:
    """The same by torch."""
    log_p = torch.log_softmax(student @ student_weight.T / temperature, dim=-1)
    log_q = torch.log_softmax(teacher @ teacher_weight.T / temperature, dim=-1)
    p, q = torch.exp(log_p), torch.exp(log_q)
    log_m = torch.log(beta * q + (1 - beta) * p)
    divergence = beta * q * (log_q - log_m) + (1 - beta) * p * (log_p - log_m)
    return divergence.sum(dim=-1).mean()


def main() -> None:
    """Compare with torch; on a GPU, time both."""
    rows, vocabulary = pick(gpu=2048, cpu=37), pick(gpu=32768, cpu=131)
    shapes = [rows, pick(gpu=1024, cpu=33)], [rows, pick(gpu=2048, cpu=65)]
    args = [
        scale * torch.randn(size, hidden, device=DEVICE)
        for count, hidden in shapes
        for size, scale in ((count, 1.0), (vocabulary, hidden**-0.5))
    ]
    compare("fused linear JSD", fused_linear_jsd, reference, (*args, 0.5, 2.0))


if __name__ == "__main__":
    main()
