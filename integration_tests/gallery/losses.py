"""Cases of normalisations and of losses."""

from __future__ import annotations

from typing import Any

import torch

from gallery.case import Case, Maker

MATRICES = ((37, 67), (1, 1), (17, 129))
LARGE = (1000, 1025)


def with_weight(make: Maker, rows: int, columns: int) -> tuple[Any, ...]:
    return make.randn(rows, columns), make.rand(columns)


def with_weight_and_bias(make: Maker, rows: int, columns: int) -> tuple[Any, ...]:
    return make.randn(columns, rows).T, make.rand(columns), make.randn(columns)


def classified(make: Maker, rows: int, columns: int) -> tuple[Any, ...]:
    return make.randn(rows, columns), make.integers(0, columns, rows)


def some_ignored(make: Maker, rows: int, columns: int) -> tuple[Any, ...]:
    logits, labels = classified(make, rows, columns)
    labels[1::3] = -100
    return logits, labels


def log_probabilities(make: Maker, rows: int, columns: int) -> torch.Tensor:
    values = make.randn(rows, columns, dtype=torch.float32)
    return values.log_softmax(dim=-1).to(make.dtype)


def distributions(*, log_target: bool, reduction: str) -> Any:
    def make_them(make: Maker, rows: int, columns: int) -> tuple[Any, ...]:
        target = log_probabilities(make, rows, columns)
        target = target if log_target else target.exp()
        return log_probabilities(make, rows, columns), target, log_target, reduction

    return make_them


def teacher_and_student(beta: float) -> Any:
    def make_them(make: Maker, rows: int, columns: int) -> tuple[Any, ...]:
        labels = make.integers(0, columns, rows)
        labels[1::3] = -100
        student = log_probabilities(make, rows, columns)
        return student, log_probabilities(make, rows, columns), labels, beta

    return make_them


def hidden_states(make: Maker, rows: int, vocabulary: int, depth: int) -> tuple[Any, ...]:
    deeper = depth + 7
    return (
        make.randn(rows, depth),
        make.randn(vocabulary, depth),
        make.randn(rows, deeper),
        make.randn(vocabulary, deeper),
        0.3,
        8.0,
    )


CASES = [
    Case("layer_norm", "layer_norm", with_weight_and_bias, MATRICES, LARGE),
    Case(
        "layer_norm",
        "layer_norm",
        with_weight_and_bias,
        MATRICES[::2],
        LARGE,
        gradient=True,
        slack=4,
    ),
    Case("rms_norm", "rms_norm", with_weight, MATRICES, LARGE),
    Case("rms_norm", "rms_norm", with_weight, MATRICES[::2], LARGE, gradient=True, slack=4),
    Case("welford", "welford_layer_norm", with_weight_and_bias, MATRICES, LARGE),
    Case("cross_entropy", "cross_entropy", classified, MATRICES[::2], LARGE),
    Case("cross_entropy", "cross_entropy_ignoring", some_ignored, MATRICES[::2], LARGE),
    Case(
        "kl_div", "kl_div", distributions(log_target=False, reduction="batchmean"), MATRICES, LARGE
    ),
    Case(
        "kl_div",
        "kl_div",
        distributions(log_target=True, reduction="none"),
        MATRICES[:1],
        LARGE,
        variant="none",
    ),
    Case(
        "kl_div",
        "kl_div",
        distributions(log_target=True, reduction="sum"),
        MATRICES[:1],
        LARGE,
        variant="sum",
    ),
    Case("jsd", "jsd", teacher_and_student(0.0), MATRICES[:1], LARGE),
    Case("jsd", "jsd", teacher_and_student(0.3), MATRICES[::2], LARGE),
    Case("jsd", "jsd", teacher_and_student(1.0), MATRICES[:1], LARGE),
    Case(
        "fused_linear_jsd",
        "fused_linear_jsd",
        hidden_states,
        small=((17, 67, 33),),
        large=(257, 1031, 129),
        slack=10,
    ),
]
