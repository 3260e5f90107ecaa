"""Sorting, and what is found in sorted order.

Lanes are sorted as one integer each: how the value compares in the upper half, where it was in the lower. So equal
values stay in their order, and one sort gives values and places alike. Values of 64 bits take two sorts, of their lower
half first. NaN is greater than every number, as in torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion import exc
from helion_compiler.program.ops import Sort
from helion_compiler.tracing.iota import iota
from helion_compiler.tracing.location import here, location
from helion_compiler.tracing.operators.dims import dim_of, dims_of
from helion_compiler.tracing.operators.lanes import along, known_size, pick, slice_
from helion_compiler.tracing.operators.parts import known_number
from helion_compiler.tracing.rules import rule_for

if TYPE_CHECKING:
    from helion_compiler.tracing.state import Trace

Pair = tuple[torch.Tensor, torch.Tensor]
_HALF = 1 << 32


@rule_for("sort")
def sort(trace: Trace, operator: Any, operand: torch.Tensor, *args: Any, **kwargs: Any) -> Pair:
    """``torch.sort``, stable whether or not it is asked for."""
    dim, descending = _sort_arguments(operator, *args, **kwargs)
    return sorted_along(trace, operand, dim, descending=descending)


def _sort_arguments(
    operator: Any, *args: Any, stable: Any = None, dim: int = -1, descending: bool = False
) -> tuple[int, bool]:
    """``dim`` and ``descending``, which one overload takes by position, the other by name, after ``stable``."""
    del stable
    if operator._overloadname == "stable":
        return dim, descending
    named = dict(zip(("dim", "descending"), args, strict=False))
    return int(named.get("dim", dim)), bool(named.get("descending", descending))


def sorted_along(trace: Trace, operand: torch.Tensor, dim: int, *, descending: bool) -> Pair:
    """The values along ``dim`` in order, and where each was (int64)."""
    with trace.listening():
        if operand.ndim == 0:
            dims_of(operand, dim)
            return operand.clone(), torch.zeros_like(operand, dtype=torch.int64)
        (position,) = dims_of(operand, dim)
        known_size(trace, operand, position, "sort")
        rows = operand.movedim(position, -1)
        places = _places(trace, rows, descending=descending)
        values = pick(trace, rows, places, rows.ndim - 1)
        return values.movedim(-1, position), places.to(torch.int64).movedim(-1, position)


def _places(trace: Trace, rows: torch.Tensor, *, descending: bool) -> torch.Tensor:
    """Where the lanes of the last dimension come from, in sorted order: int32."""
    order = _order(rows)
    order = ~order if descending else order
    lanes = along(iota(trace, trace.sizes_of(rows)[-1]), rows.ndim, rows.ndim - 1).to(torch.int64)
    if rows.dtype.itemsize < 8:
        return _sorted_places(trace, order, lanes)
    lower = _sorted_places(trace, (order & (_HALF - 1)) - _HALF // 2, lanes)
    upper = pick(trace, order >> 32, lower, rows.ndim - 1)
    return pick(trace, lower, _sorted_places(trace, upper, lanes), rows.ndim - 1)


def _order(rows: torch.Tensor) -> torch.Tensor:
    """Integers (int64) that compare as the values do."""
    if not rows.dtype.is_floating_point:
        return rows.to(torch.int64)
    wide = rows if rows.dtype is torch.float64 else rows.to(torch.float32)
    integer = torch.int64 if rows.dtype is torch.float64 else torch.int32
    greatest = torch.iinfo(integer).max
    bits = torch.where(wide == 0, 0.0, wide).view(integer)  # both zeros are equal
    order = torch.where(bits < 0, bits ^ greatest, bits)
    return torch.where(torch.isnan(wide), greatest, order).to(torch.int64)


def _sorted_places(trace: Trace, order: torch.Tensor, lanes: torch.Tensor) -> torch.Tensor:
    """Sort numbers of 32 bits, each with its lane in the lower half."""
    keys = (order << 32) | lanes
    result = trace.fake(trace.sizes_of(keys), torch.int64)
    value = trace.new_value(result, "sorted")
    trace.body.append(Sort(result=value, operand=trace.value_of(keys), location=location()))
    return (result & (_HALF - 1)).to(torch.int32)


@rule_for("topk")
def topk(
    trace: Trace,
    _operator: Any,
    operand: torch.Tensor,
    k: int,
    dim: int = -1,
    largest: bool = True,  # ATen's own position
    sorted: bool = True,  # noqa: A002, ARG001  # ATen's own name; they always are
) -> Pair:
    """The ``k`` largest or smallest values along ``dim``, in order."""
    values, places = sorted_along(trace, operand, dim, descending=largest)
    size = known_number(trace, operand, dim, "topk") if operand.ndim else 1
    if not 0 <= k <= size:
        raise exc.IndexOutOfRange(span=here(), index=k, dimension=dim, size=size)
    if operand.ndim == 0:
        return values, places
    with trace.listening():
        return slice_(trace, None, values, dim, 0, k), slice_(trace, None, places, dim, 0, k)


@rule_for("kthvalue")
def kthvalue(
    trace: Trace,
    _operator: Any,
    operand: torch.Tensor,
    k: int,
    dim: int = -1,
    keepdim: bool = False,  # ATen's own position
) -> Pair:
    """The ``k``-th smallest value along ``dim``."""
    values, places = sorted_along(trace, operand, dim, descending=False)
    size = known_number(trace, operand, dim, "kthvalue") if operand.ndim else 1
    if not 1 <= k <= size:
        raise exc.IndexOutOfRange(span=here(), index=k, dimension=dim, size=size)
    if operand.ndim == 0:
        return values, places
    with trace.listening():
        return _kept(values.select(dim, k - 1), places.select(dim, k - 1), dim, keepdim=keepdim)


@rule_for("median", "nanmedian")
def median(
    trace: Trace,
    operator: Any,
    operand: torch.Tensor,
    dim: int | None = None,
    keepdim: bool = False,  # ATen's own position
) -> Any:
    """The lower of the middle values: NaN if there is one, or of the numbers alone for ``nanmedian``."""
    ignores = operator._schema.name == "aten::nanmedian"
    with trace.listening():
        if dim is None:
            flat = operand.reshape(-1)
            return _median(trace, flat, 0, keepdim=False, ignores=ignores)[0]
        if operand.ndim == 0:
            return operand.clone(), torch.zeros_like(operand, dtype=torch.int64)
        return _median(trace, operand, dim, keepdim=keepdim, ignores=ignores)


def _median(trace: Trace, operand: torch.Tensor, dim: int, *, keepdim: bool, ignores: bool) -> Pair:
    values, places = sorted_along(trace, operand, dim, descending=False)
    size = known_number(trace, operand, dim, "median")
    middle = (size - 1) // 2
    if not operand.is_floating_point():
        return _kept(values.select(dim, middle), places.select(dim, middle), dim, keepdim=keepdim)
    missing = torch.isnan(operand).sum(dim, keepdim=True)
    if ignores:
        place = torch.clamp((size - 1 - missing) // 2, min=0)
    else:
        place = torch.where(missing > 0, size - missing, middle)
    picked = [pick(trace, part, place, dim_of(operand, dim)) for part in (values, places)]
    return _kept(picked[0].squeeze(dim), picked[1].squeeze(dim), dim, keepdim=keepdim)


def _kept(values: torch.Tensor, places: torch.Tensor, dim: int, *, keepdim: bool) -> Pair:
    if not keepdim:
        return values, places
    dim = dim if dim >= 0 else dim + values.ndim + 1
    return values.unsqueeze(dim), places.unsqueeze(dim)
