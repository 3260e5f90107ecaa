"""Losses over a vocabulary. Sizes are rows and columns; a copy is their limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from benchmarks.suite.case import by_size
from benchmarks.suite.limits import COPY

if TYPE_CHECKING:
    from benchmarks.suite.case import Maker

SHAPES = ((8192, 32768),)
SMALL = (17, 33)
IGNORED = -100


def classified(make: Maker, rows: int, columns: int) -> tuple[Any, ...]:
    return make.randn(rows, columns), make.integers(0, columns, rows)


def log_probabilities(make: Maker, rows: int, columns: int) -> torch.Tensor:
    values = make.randn(rows, columns, dtype=torch.float32)
    return values.log_softmax(dim=-1).to(torch.bfloat16)


def teacher_and_student(make: Maker, rows: int, columns: int) -> tuple[Any, ...]:
    student, teacher = (log_probabilities(make, rows, columns) for _ in range(2))
    labels = make.integers(0, columns, rows)
    labels[1::5] = IGNORED
    return student, teacher, labels, 0.5


def distributions(make: Maker, rows: int, columns: int) -> tuple[Any, ...]:
    logs = log_probabilities(make, rows, columns)
    target = make.randn(rows, columns, dtype=torch.float32).softmax(dim=-1)
    return logs, target.to(torch.bfloat16), False, "batchmean"


def jsd(
    student: torch.Tensor, teacher: torch.Tensor, labels: torch.Tensor, beta: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """The loss and its gradient in float32: differences of logarithms in bfloat16 are mostly rounding."""
    log_p, log_q = student.float(), teacher.float()
    p, q = log_p.exp(), log_q.exp()
    log_m = torch.log(beta * q + (1 - beta) * p)
    slope = (1 - beta) * p * (log_p - log_m)
    losses = (beta * q * (log_q - log_m) + slope).sum(-1)
    weight = (labels != IGNORED) / (labels != IGNORED).sum()
    return (losses * weight).sum(), slope * weight[:, None]


def kl_div(
    logs: torch.Tensor, target: torch.Tensor, log_target: bool, reduction: str
) -> torch.Tensor:
    return functional.kl_div(logs, target, log_target=log_target, reduction=reduction)


CASES = (
    *by_size(
        "cross_entropy",
        SHAPES,
        example="cross_entropy",
        kernel="cross_entropy",
        arguments=classified,
        small=SMALL,
        eager=functional.cross_entropy,
        limit=COPY,
    ),
    *by_size(
        "jsd",
        SHAPES,
        example="jsd",
        kernel="jsd",
        arguments=teacher_and_student,
        small=SMALL,
        eager=jsd,
        limit=COPY,
    ),
    *by_size(
        "kl_div",
        SHAPES,
        example="kl_div",
        kernel="kl_div",
        arguments=distributions,
        small=SMALL,
        eager=kl_div,
        limit=COPY,
    ),
)
