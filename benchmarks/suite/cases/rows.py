"""Softmax, normalisations and sums of rows. Sizes are rows and columns; a copy is their limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import layer_norm, rms_norm

from benchmarks.suite.case import by_size
from benchmarks.suite.limits import COPY

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.suite.case import Maker

EPS = 1e-5
SHAPES = ((8192, 8192), (4096, 1024), (2048, 65536), (512, 262144))
SMALL = (17, 33)


def matrix(make: Maker, rows: int, columns: int) -> tuple[Any, ...]:
    return (make.randn(rows, columns),)


def with_weight(make: Maker, rows: int, columns: int) -> tuple[Any, ...]:
    return make.randn(rows, columns), make.rand(columns), EPS


def with_weight_and_bias(make: Maker, rows: int, columns: int) -> tuple[Any, ...]:
    return make.randn(rows, columns), make.rand(columns), make.randn(columns), EPS


def rms_gradient(make: Maker, rows: int, columns: int) -> tuple[Any, ...]:
    grad_out, x, weight = make.randn(rows, columns), make.randn(rows, columns), make.rand(columns)
    mean_square = x.float().square().mean(-1, keepdim=True)
    return grad_out, x, weight, torch.rsqrt(mean_square + EPS)


def layer_gradient(make: Maker, rows: int, columns: int) -> tuple[Any, ...]:
    grad_out, x, weight = make.randn(rows, columns), make.randn(rows, columns), make.rand(columns)
    variance, mean = torch.var_mean(x.float(), dim=-1, correction=0)
    return grad_out, x, weight, mean, torch.rsqrt(variance + EPS)


def softmax(x: torch.Tensor) -> torch.Tensor:
    return torch.softmax(x, dim=1)


def eager_rms_norm(x: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
    return rms_norm(x, [x.size(-1)], weight, eps)


def eager_layer_norm(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, eps: float
) -> torch.Tensor:
    return layer_norm(x, [x.size(-1)], weight, bias, eps)


def eager_rms_gradient(
    grad_out: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, inverse: torch.Tensor
) -> Any:
    """What autograd calls, on CUDA."""
    return torch.ops.aten._fused_rms_norm_backward(
        grad_out, x, [x.size(-1)], inverse, weight, [True, True]
    )


def eager_layer_gradient(
    grad_out: torch.Tensor,
    x: torch.Tensor,
    weight: torch.Tensor,
    mean: torch.Tensor,
    rstd: torch.Tensor,
) -> Any:
    """What autograd calls; it wants the statistics with a column."""
    return torch.ops.aten.native_layer_norm_backward(
        grad_out, x, [x.size(-1)], mean[:, None], rstd[:, None], weight, weight, [True, True, True]
    )


def by_autograd(forward: Callable[..., torch.Tensor]) -> Callable[..., tuple[torch.Tensor, ...]]:
    """The gradients of ``forward`` for ``grad_out, x, weight, …``, in float32."""

    def run(
        grad_out: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, *_: Any
    ) -> tuple[torch.Tensor, ...]:
        leaves = [x, weight, torch.zeros_like(weight)]
        leaves = [leaf.detach().float().requires_grad_() for leaf in leaves]
        with torch.enable_grad():
            out = forward(*leaves)
        grads = torch.autograd.grad(out, leaves, grad_out.float(), allow_unused=True)
        return tuple(grad for grad in grads if grad is not None)

    return run


def sum_of_rows(x: torch.Tensor) -> torch.Tensor:
    return x.sum(-1)


CASES = (
    *by_size(
        "softmax",
        SHAPES,
        example="softmax",
        kernel="softmax",
        arguments=matrix,
        small=SMALL,
        eager=softmax,
        limit=COPY,
    ),
    *by_size(
        "softmax_two_pass",
        SHAPES[::3],
        example="softmax",
        kernel="softmax_two_pass",
        arguments=matrix,
        small=SMALL,
        eager=softmax,
        limit=COPY,
    ),
    *by_size(
        "rms_norm",
        SHAPES,
        example="rms_norm",
        kernel="rms_norm_forward",
        arguments=with_weight,
        small=SMALL,
        eager=eager_rms_norm,
        limit=COPY,
    ),
    *by_size(
        "layer_norm",
        SHAPES,
        example="layer_norm",
        kernel="layer_norm_forward",
        arguments=with_weight_and_bias,
        small=SMALL,
        eager=eager_layer_norm,
        limit=COPY,
    ),
    *by_size(
        "rms_norm_backward",
        SHAPES[:1],
        example="rms_norm",
        kernel="rms_norm_backward",
        arguments=rms_gradient,
        small=SMALL,
        eager=eager_rms_gradient,
        limit=COPY,
        expected=by_autograd(lambda x, weight, _: eager_rms_norm(x, weight, EPS)),
    ),
    *by_size(
        "layer_norm_backward",
        SHAPES[:1],
        example="layer_norm",
        kernel="layer_norm_backward",
        arguments=layer_gradient,
        small=SMALL,
        eager=eager_layer_gradient,
        limit=COPY,
        expected=by_autograd(lambda x, weight, bias: eager_layer_norm(x, weight, bias, EPS)),
    ),
    *by_size(
        "sum",
        ((8192, 8192), (2048, 262144)),
        example="sum",
        kernel="sum_rows",
        arguments=matrix,
        small=SMALL,
        eager=sum_of_rows,
        limit=COPY,
    ),
    *by_size(
        "sum_in_lanes",
        ((2048, 262144),),
        example="long_sum",
        kernel="sum_in_lanes",
        arguments=matrix,
        small=SMALL,
        eager=sum_of_rows,
        limit=COPY,
    ),
)
