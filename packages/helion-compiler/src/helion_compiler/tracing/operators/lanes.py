"""Operators that move lanes along a dimension: slices, joins, reversals, and picking by index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion import exc
from helion_compiler.program.lane_ops import Join
from helion_compiler.program.ops import Pick
from helion_compiler.tracing.fills import fill_tile
from helion_compiler.tracing.iota import iota
from helion_compiler.tracing.location import here, location
from helion_compiler.tracing.numbers import as_number
from helion_compiler.tracing.operators.dims import check_beside, check_index, dim_of, place_of
from helion_compiler.tracing.rules import rule_for
from helion_compiler.tracing.slices import bounds_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion_compiler.program.types import Size
    from helion_compiler.tracing.state import Trace


_PAIR = 2


def pick(trace: Trace, operand: torch.Tensor, index: torch.Tensor, dim: int) -> torch.Tensor:
    """Lanes of ``operand`` along ``dim`` by ``index``, of the operand's rank; sizes 1 of it are broadcast.

    Triton keeps indices inside the operand's lanes; which of them are padding is the caller's concern.
    """
    sizes = list(trace.sizes_of(operand))
    if sizes[dim] == 1:
        sizes[dim] = trace.sizes_of(index)[dim]
        return operand.expand([trace.symbols.value(size) for size in sizes])
    sizes[dim] = trace.sizes_of(index)[dim]
    index = index.to(torch.int32).expand([trace.symbols.value(size) for size in sizes])
    result = trace.fake(tuple(sizes), operand.dtype)
    trace.body.append(
        Pick(
            result=trace.new_value(result, "pick"),
            operand=trace.value_of(operand),
            index=trace.value_of(index),
            dim=dim,
            location=location(),
        )
    )
    return result


def pair(trace: Trace, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Two tiles of one shape and dtype side by side in a new last dimension."""
    result = trace.fake((*trace.sizes_of(first), _PAIR), first.dtype)
    trace.body.append(
        Join(
            result=trace.new_value(result, "join"),
            first=trace.value_of(first),
            second=trace.value_of(second),
            location=location(),
        )
    )
    return result


def along(tensor: torch.Tensor, rank: int, dim: int) -> torch.Tensor:
    """A one-dimensional tensor as dimension ``dim`` of ``rank`` dimensions."""
    return tensor.reshape([-1 if i == dim else 1 for i in range(rank)])


def pick_by_value(
    trace: Trace, operand: torch.Tensor, index: torch.Tensor, dim: int
) -> torch.Tensor:
    """``operand[…, index, …]`` on a tile, at dimension ``dim``."""
    if index.ndim == 0:
        with trace.listening():
            return select(trace, None, operand, dim, as_number(trace, index))
    if index.ndim > 1 or index.is_floating_point() or index.dtype is torch.bool:
        raise exc.InvalidIndexingType(
            span=here(),
            index=f"a tensor of {index.dtype} with {index.ndim} dimensions, on a tile,",
            notes=("a tile is subscripted by one-dimensional integer tensors",),
        )
    with trace.listening():
        wrapped = torch.where(index < 0, index + operand.shape[dim], index)
        return pick(trace, operand, along(wrapped, operand.ndim, dim), dim)


@rule_for("select")
def select(
    trace: Trace, _operator: Any, operand: torch.Tensor, dim: int, index: Any
) -> torch.Tensor:
    """One index of a dimension, which goes away."""
    dim = dim_of(operand, dim)
    extent = operand.shape[dim]
    if isinstance(index, int):
        if isinstance(extent, int) and not -extent <= index < extent:
            raise exc.IndexOutOfRange(span=here(), index=index, dimension=dim, size=extent)
        index = index + extent if index < 0 else index
    with trace.listening():
        place = fill_tile(trace, (1,) * operand.ndim, index, torch.int32)
        return pick(trace, operand, place, dim).squeeze(dim)


@rule_for("slice")
def slice_(
    trace: Trace,
    _operator: Any,
    operand: torch.Tensor,
    dim: int = 0,
    start: Any = None,
    end: Any = None,
    step: Any = 1,
) -> torch.Tensor:
    """Every ``step``-th index of a dimension from ``start`` to before ``end``."""
    dim = dim_of(operand, dim)
    begin, count, step = bounds_of(trace, operand.shape[dim], slice(start, end, step))
    size = trace.symbols.expression(count)
    if size == trace.sizes_of(operand)[dim]:
        return operand
    if not trace.symbols.is_host(size):
        raise exc.InvalidIndexingType(
            span=here(), index="a slice of a tile whose length the device computes"
        )
    with trace.listening():
        index = begin + iota(trace, size) * step
        return pick(trace, operand, along(index, operand.ndim, dim), dim)


@rule_for("cat")
def cat(
    trace: Trace, _operator: Any, tensors: Sequence[torch.Tensor], dim: int = 0
) -> torch.Tensor:
    """Tiles one after the other along a dimension whose sizes are known before the kernel runs."""
    tensors = [tensor for tensor in tensors if trace.sizes_of(tensor) != (0,)]
    dim = dim_of(tensors[0], dim)
    dtype = tensors[0].dtype
    for tensor in tensors[1:]:
        dtype = torch.promote_types(dtype, tensor.dtype)
    for tensor in tensors[1:]:
        check_beside(trace, "cat", tensors[0], tensor, dim)
    sizes = [trace.sizes_of(tensor)[dim] for tensor in tensors]
    if not all(map(trace.symbols.is_host, sizes)):
        raise exc.UnsupportedOperator(
            span=here(),
            operator="torch.cat",
            reason="it joins along a dimension of a tile, whose last part may be short; "
            "store each part where it belongs",
        )
    total: Size = sum(sizes)
    with trace.listening():
        place = along(iota(trace, total), tensors[0].ndim, dim)
        joined = pick(trace, tensors[0].to(dtype), place, dim)
        begin: Size = sizes[0]
        for tensor, size in zip(tensors[1:], sizes[1:], strict=True):
            first = trace.symbols.value(begin)
            following = pick(trace, tensor.to(dtype), place - first, dim)
            joined = torch.where(place < first, joined, following)
            begin = begin + size
        return joined


@rule_for("stack")
def stack(
    trace: Trace, operator: Any, tensors: Sequence[torch.Tensor], dim: int = 0
) -> torch.Tensor:
    """Tiles of one shape along a new dimension."""
    dim = place_of(tensors[0], dim)
    with trace.listening():
        if len(tensors) == _PAIR and tensors[0].shape == tensors[1].shape:
            dtype = torch.promote_types(tensors[0].dtype, tensors[1].dtype)
            return pair(trace, *(tensor.to(dtype) for tensor in tensors)).movedim(-1, dim)
        return cat(trace, operator, [tensor.unsqueeze(dim) for tensor in tensors], dim)


@rule_for("flip")
def flip(trace: Trace, _operator: Any, operand: torch.Tensor, dims: Sequence[int]) -> torch.Tensor:
    """The reverse order along dimensions whose sizes are known before the kernel runs."""
    with trace.listening():
        for dim in (dim_of(operand, dim) for dim in dims):
            size = known_size(trace, operand, dim, "flip")
            index = trace.symbols.value(size) - 1 - iota(trace, size)
            operand = pick(trace, operand, along(index, operand.ndim, dim), dim)
    return operand


@rule_for("roll")
def roll(
    trace: Trace,
    _operator: Any,
    operand: torch.Tensor,
    shifts: Sequence[int],
    dims: Sequence[int] = (),
) -> torch.Tensor:
    """Move lanes along dimensions whose sizes are known, those at the end to the front."""
    if not dims:
        shape = operand.shape
        flat = operand.reshape(-1)
        return roll(trace, _operator, flat, shifts, (0,)).reshape(shape)
    with trace.listening():
        for shift, dim in zip(shifts, (dim_of(operand, dim) for dim in dims), strict=True):
            size = known_size(trace, operand, dim, "roll")
            index = torch.remainder(iota(trace, size) - shift, trace.symbols.value(size))
            operand = pick(trace, operand, along(index, operand.ndim, dim), dim)
    return operand


def known_size(trace: Trace, operand: torch.Tensor, dim: int, name: str) -> Size:
    """The size of a dimension that is no tile's."""
    size = trace.sizes_of(operand)[dim]
    if not trace.symbols.is_host(size):
        raise exc.UnsupportedOperator(
            span=here(),
            operator=f"torch.{name}",
            reason="along a dimension of a tile it would mix lanes of one tile only",
        )
    return size


@rule_for("index_select")
def index_select(
    trace: Trace, _operator: Any, operand: torch.Tensor, dim: int, index: torch.Tensor
) -> torch.Tensor:
    """Indices of a dimension in the order that a one-dimensional tensor gives."""
    check_index("index_select", index)
    if operand.ndim == 0:
        with trace.listening():
            return operand.clone()
    return pick_by_value(trace, operand, index, dim_of(operand, dim))


@rule_for("gather")
def gather(
    trace: Trace,
    _operator: Any,
    operand: torch.Tensor,
    dim: int,
    index: torch.Tensor,
    *,
    sparse_grad: bool = False,  # noqa: ARG001  # ATen's own parameter, without meaning here
) -> torch.Tensor:
    """``torch.gather``; the other dimensions of operand and index have to be the same."""
    check_index("gather", index)
    if operand.ndim == 0:
        with trace.listening():
            return operand.expand(index.shape).clone()
    dim = dim_of(operand, dim)
    check_beside(trace, "gather", operand, index, dim)
    with trace.listening():
        return pick(trace, operand, index, dim)


@rule_for("arange")
def arange(
    trace: Trace, operator: Any, *bounds: Any, dtype: torch.dtype | None = None, **_: Any
) -> torch.Tensor:
    """Numbers ``step`` apart; how many there are is known before the kernel runs, or the lanes of a tile."""
    start, end, step = {1: (0, *bounds, 1), 2: (*bounds, 1), 3: bounds}[len(bounds)]
    if any(isinstance(bound, float) for bound in (start, end, step)):
        with trace.fake_mode:
            shape = operator(*bounds).shape
        size: Size = trace.symbols.expression(shape[0])
    else:
        start, end, step = (as_number(trace, bound) for bound in (start, end, step))
        count = end - start if isinstance(step, int) and step == 1 else -((start - end) // step)
        size = trace.symbols.lanes(count)
    floats = any(isinstance(bound, float) for bound in bounds)
    result = dtype or (torch.get_default_dtype() if floats else torch.int64)
    with trace.listening():
        lanes = iota(trace, size)
        lanes = lanes.to(result) if result.is_floating_point else lanes
        numbers: torch.Tensor = (start + lanes * step).to(result)
        return numbers
