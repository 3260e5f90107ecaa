"""Which operators a tile compiler takes apart, and how.

Out: TorchInductor's decomposition table, changed so that what remains under it is pointwise
operators, views, products (`mm`, `bmm`, `addmm`, `baddbmm`), and reductions over named dimensions
(`sum`, `amax`, `amin`, `prod`, `any`, `argmax`, `argmin`, scans). Loads TorchInductor when imported.

Statistics are computed in two passes, the mean first: exact to rounding, and each pass is an
ordinary sum. Low-precision inputs are summed in float32.
"""

from __future__ import annotations

import functools
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch
from torch._inductor.decomposition import select_decomp_table
from torch._prims_common import get_computation_dtype

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor

__all__ = ["decomposition_table"]

aten = torch.ops.aten

KEPT = (aten.mm, aten.addmm, aten.bmm, aten.baddbmm)
"""Products: one op of the program each, never taken apart into products and sums."""


@functools.cache
def decomposition_table() -> Mapping[torch._ops.OpOverload, Callable[..., Any]]:
    """From an operator to the function that computes it with simpler ones. Read-only."""
    table = {
        operator: function
        for operator, function in select_decomp_table().items()
        if isinstance(operator, torch._ops.OpOverload)
        and operator.overloadpacket not in KEPT
        and not _is_view(operator)
    }
    return MappingProxyType(table | _OWN)


def _is_view(operator: torch._ops.OpOverload) -> bool:
    returned = [value.alias_info for value in operator._schema.returns]
    return any(info is not None and not info.is_write for info in returned)


def _dims(x: Tensor, dim: int | Sequence[int] | None) -> list[int]:
    """The dimensions reduced over, each from 0; none given means all."""
    if dim is None or (not isinstance(dim, int) and len(dim) == 0):
        return list(range(x.dim()))
    given = [dim] if isinstance(dim, int) else dim
    return [d % x.dim() for d in given] if x.dim() else []


def _count(x: Tensor, dims: Sequence[int]) -> int | torch.SymInt:
    """How many elements are reduced into one."""
    count: int | torch.SymInt = 1
    for dim in dims:
        count = count * x.shape[dim]
    return count


def _mean(
    x: Tensor,
    dim: Sequence[int] | None = None,
    keepdim: bool = False,  # noqa: FBT001, FBT002 - the operator's own signature
    *,
    dtype: torch.dtype | None = None,
) -> Tensor:
    result = x.dtype if dtype is None else dtype
    dims = _dims(x, dim)
    total = aten.sum.dim_IntList(x, dims, keepdim, dtype=get_computation_dtype(result))
    return (total / _count(x, dims)).to(result)


def _var_mean(
    x: Tensor,
    dim: Sequence[int] | None = None,
    *,
    correction: float | None = None,
    keepdim: bool = False,
) -> tuple[Tensor, Tensor]:
    dims = _dims(x, dim)
    wide = x.to(get_computation_dtype(x.dtype))
    count = _count(x, dims)
    mean = aten.sum.dim_IntList(wide, dims, True) / count  # noqa: FBT003 - keeps the dimensions
    centered = wide - mean
    squares = aten.sum.dim_IntList(centered * centered, dims, keepdim)
    variance = squares / (count - (1 if correction is None else correction))
    if not keepdim:
        mean = aten.squeeze.dims(mean, dims)
    return variance.to(x.dtype), mean.to(x.dtype)


def _var(
    x: Tensor,
    dim: Sequence[int] | None = None,
    *,
    correction: float | None = None,
    keepdim: bool = False,
) -> Tensor:
    return _var_mean(x, dim, correction=correction, keepdim=keepdim)[0]


def _sum(x: Tensor, *, dtype: torch.dtype | None = None) -> Tensor:
    return aten.sum.dim_IntList(x, _dims(x, None), dtype=dtype)


_OWN: dict[torch._ops.OpOverload, Callable[..., Any]] = {
    aten.mean.default: _mean,
    aten.mean.dim: _mean,
    aten.sum.default: _sum,
    aten.var.correction: _var,
    aten.var_mean.correction: _var_mean,
}
