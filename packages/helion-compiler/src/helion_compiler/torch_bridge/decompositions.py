"""Which operators a tile compiler takes apart, and how.

Out: TorchInductor's decomposition table, changed so that what remains under it is pointwise
operators, views, products (`mm`, `bmm`, `addmm`, `baddbmm`), and reductions over named dimensions
(`sum`, `amax`, `amin`, `prod`, `any`, `argmax`, `argmin`, scans); and the operator that computes
what an in-place one writes. TorchInductor is loaded to ask for an operator that torch itself does not answer for.

Statistics are computed in two passes, the mean first: exact to rounding, and each pass is an
ordinary sum. Low-precision inputs are summed in float32.
"""

from __future__ import annotations

import functools
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import torch
from torch._decomp import decomposition_table as torch_decompositions
from torch._prims_common import canonicalize_dims, get_computation_dtype

from helion_compiler.torch_bridge.loading import load_inductor
from helion_compiler.torch_bridge.symbolic import is_composite

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor

__all__ = ["TORCHS_OWN", "decomposition_of", "decomposition_table", "out_of_place"]

aten = torch.ops.aten

KEPT = (aten.mm, aten.addmm, aten.bmm, aten.baddbmm)
"""Products: one op of the program each, never taken apart into products and sums."""


TORCHS_OWN = frozenset(
    {
        *(aten._fused_rms_norm.default, aten._log_softmax.default, aten._safe_softmax.default),
        *(aten._softmax.default, aten._to_copy.default, aten.all.default, aten.all.dim),
        *(aten.all.dims, aten.count_nonzero.default, aten.floor_divide.default),
        *(aten.linalg_vector_norm.default, aten.logsumexp.default, aten.mse_loss.default),
        *(aten.ones_like.default, aten.std.correction, aten.std_mean.correction),
        *(aten.zeros_like.default,),
    }
)
"""Operators that TorchInductor takes apart by the functions of torch's, which are there without it."""


def decomposition_of(operator: torch._ops.OpOverload) -> Callable[..., Any] | None:
    """The function that computes an operator with simpler ones.

    None: it is none of `decomposition_table`, or a composite that the table takes apart as torch defines it, with
    `decompose`.
    """
    if operator in _OWN:
        return _OWN[operator]
    if operator in TORCHS_OWN:
        return torch_decompositions[operator]
    if is_composite(operator) and operator not in torch_decompositions:
        return None
    return decomposition_table().get(operator)


@functools.cache
def decomposition_table() -> Mapping[torch._ops.OpOverload, Callable[..., Any]]:
    """From an operator to the function that computes it with simpler ones. Read-only. Loads TorchInductor."""
    load_inductor()
    from helion_compiler.torch_bridge.inductor import inductor_decompositions

    table = {
        operator: function
        for operator, function in inductor_decompositions().items()
        if isinstance(operator, torch._ops.OpOverload)
        and operator.overloadpacket not in KEPT
        and not _is_view(operator)
    }
    return MappingProxyType(table | _OWN)


def out_of_place(operator: torch._ops.OpOverload) -> torch._ops.OpOverload | None:
    """The operator that returns what an in-place one would write, `add.Tensor` for `add_.Tensor`.

    Composite operators of torch write in place to values of their own. The result has to be
    converted to the type of the first argument. None if there is no such operator.
    """
    schema = operator._schema
    namespace, name = schema.name.split("::")
    if not schema.is_mutable or not name.endswith("_") or name.endswith("__"):
        return None
    packet = getattr(getattr(torch.ops, namespace), name[:-1], None)
    twin = getattr(packet, operator._overloadname, None)
    return twin if isinstance(twin, torch._ops.OpOverload) else None


def _is_view(operator: torch._ops.OpOverload) -> bool:
    returned = [value.alias_info for value in operator._schema.returns]
    return any(info is not None and not info.is_write for info in returned)


def _dims(x: Tensor, dim: int | Sequence[int] | None) -> list[int]:
    """The dimensions reduced over, each from 0; none given means all. Raises IndexError, as torch does."""
    if dim is None or (not isinstance(dim, int) and len(dim) == 0):
        return list(range(x.dim()))
    given = [dim] if isinstance(dim, int) else dim
    found: Sequence[int] = canonicalize_dims(x.dim(), given)
    return list(found) if x.dim() else []


def _whole(correction: float | None) -> Any:
    """The correction as an int if it is a whole number, so that sizes stay integer expressions."""
    if correction is None:
        return 1
    return int(correction) if float(correction).is_integer() else correction


def _count(x: Tensor, dims: Sequence[int]) -> int | torch.SymInt:
    """How many elements are reduced into one."""
    count: int | torch.SymInt = 1
    for dim in dims:
        count = count * x.shape[dim]
    return count


def _mean(
    x: Tensor,
    dim: Sequence[int] | None = None,
    keepdim: bool = False,
    *,
    dtype: torch.dtype | None = None,
) -> Tensor:
    result = x.dtype if dtype is None else dtype
    if not result.is_floating_point:
        raise RuntimeError(f"mean(): torch has none of {result}; give a floating dtype")
    dims = _dims(x, dim)
    total = aten.sum.dim_IntList(x, dims, keepdim, dtype=get_computation_dtype(result))
    mean: Tensor = total / _count(x, dims)
    return mean.to(result)


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
    mean: Tensor = aten.sum.dim_IntList(wide, dims, True) / count  # noqa: FBT003 - keeps the dimensions
    centered = wide - mean
    squares = aten.sum.dim_IntList(centered * centered, dims, keepdim)
    freedom = torch.sym_max(count - _whole(correction), 0)  # type: ignore[no-untyped-call]  # torch's own is untyped
    variance = squares / freedom
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


def _over_all(reduction: Callable[..., Any]) -> Callable[..., Tensor]:
    """A reduction to one element, as the same reduction over every dimension by name."""

    def reduced(x: Tensor, **options: Any) -> Tensor:
        result: Tensor = reduction(x, _dims(x, None), **options)
        return result

    return reduced


def _with_index(
    value: Callable[..., Any], index: Callable[..., Any]
) -> Callable[..., tuple[Tensor, Tensor]]:
    """An extreme value and its position, as two reductions: mostly only one of them is used."""

    def reduced(x: Tensor, dim: int, keepdim: bool = False) -> tuple[Tensor, Tensor]:
        return value(x, [dim], keepdim), index(x, dim, keepdim)

    return reduced


def _addbmm(
    total: Tensor, lhs: Tensor, rhs: Tensor, *, beta: float = 1, alpha: float = 1
) -> Tensor:
    """The sum over matrices is rounded once, and so is the whole."""
    wide, narrow = get_computation_dtype(lhs.dtype), torch.promote_types(total.dtype, lhs.dtype)
    if not narrow.is_floating_point:
        beta, alpha = int(beta), int(alpha)  # as torch has it
    each = aten.bmm.default(lhs, rhs) if wide == lhs.dtype else aten.bmm.dtype(lhs, rhs, wide)
    products: Tensor = aten.sum.dim_IntList(each, [0], dtype=each.dtype)
    return (beta * total + alpha * products if beta else alpha * products).to(narrow)


def _glu(x: Tensor, dim: int = -1) -> Tensor:
    first, second = x.to(get_computation_dtype(x.dtype)).chunk(2, dim)
    return (first * torch.sigmoid(second)).to(x.dtype)


def _cdist(first: Tensor, second: Tensor, p: float, _mode: int | None) -> Tensor:
    difference = first.unsqueeze(-2) - second.unsqueeze(-3)
    distance: Tensor = torch.linalg.vector_norm(difference, p, -1)
    return distance


def _group_norm(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    samples: int,
    channels: int,
    positions: int,
    groups: int,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Torch's own arranges memory formats, which tiles do not have."""
    wide = x.to(get_computation_dtype(x.dtype))
    grouped = wide.reshape(samples, groups, channels // groups, positions)
    variance, mean = torch.var_mean(grouped, (2, 3), correction=0, keepdim=True)
    scale = torch.rsqrt(variance + eps)
    normal = ((grouped - mean) * scale).reshape(x.shape)
    shape = [1, channels] + [1] * (x.dim() - 2)
    if weight is not None:
        normal = normal * weight.reshape(shape)
    if bias is not None:
        normal = normal + bias.reshape(shape)
    means, scales = (part.reshape(samples, groups).to(x.dtype) for part in (mean, scale))
    return normal.to(x.dtype), means, scales


def _logical_not(x: Tensor) -> Tensor:
    """Torch's own decomposition of `all` gets here, and its `~` needs a GPU for fake cuda tensors."""
    result: Tensor = aten.eq.Scalar(x, 0)
    return result


_OWN: dict[torch._ops.OpOverload, Callable[..., Any]] = {
    aten._cdist_forward.default: _cdist,
    aten.addbmm.default: _addbmm,
    aten.any.default: _over_all(aten.any.dims),
    aten.glu.default: _glu,
    aten.logical_not.default: _logical_not,
    aten.max.default: _over_all(aten.amax.default),
    aten.max.dim: _with_index(aten.amax.default, aten.argmax.default),
    aten.mean.default: _mean,
    aten.mean.dim: _mean,
    aten.min.default: _over_all(aten.amin.default),
    aten.min.dim: _with_index(aten.amin.default, aten.argmin.default),
    aten.native_group_norm.default: _group_norm,
    aten.sum.default: _over_all(aten.sum.dim_IntList),
    aten.var.correction: _var,
    aten.var_mean.correction: _var_mean,
}
