"""Refuse a store that gives one element several values, where the Program alone shows it.

In: a traced Program. Positions and values that follow from the tiles' own indices are computed for the first few
lanes of each axis. What depends on memory, on a branch, or on a size that is not known is not judged: reference mode
finds those for the values it is given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sympy
import torch

from helion import exc
from helion_compiler.program.access import accessed_shape, layout
from helion_compiler.program.fields import made_by
from helion_compiler.program.ops import (
    Broadcast,
    Full,
    Loop,
    Permute,
    Pointwise,
    Range,
    Squeeze,
    Store,
    Unsqueeze,
)
from helion_compiler.program.types import Value, ValueIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from helion_compiler.program.ops import Block, Op
    from helion_compiler.program.program import Program
    from helion_compiler.program.types import Axis, Size

_LANES = 8
"""Enough to see what repeats at all within a tile."""
_MOST_ELEMENTS = 4096


class _Unknown(Exception):  # noqa: N818  # no error: a value that only the device knows
    """A value does not follow from the tiles' indices."""


def refuse_rival_stores(program: Program) -> None:
    """Check every store that surely runs.

    Raises:
        DuplicateStoreIndicesError: it writes different values to one element.
    """
    for grid in program.grids:
        stores = [op for op in _surely_run(grid.body) if _scatters(op)]
        if stores:
            lanes = _Lanes(program, [*grid.axes, *_inner_axes(grid.body)])
            for op in stores:
                _check(op, lanes)


def _surely_run(block: Block) -> Iterator[Op]:
    """The ops of a block and of the loops in it, not of its choices."""
    for op in block.ops:
        yield op
        if isinstance(op, Loop):
            yield from _surely_run(op.body)


def _inner_axes(block: Block) -> Iterator[Axis]:
    for op in _surely_run(block):
        if isinstance(op, Loop):
            yield from op.axes


def _scatters(op: Op) -> bool:
    gathers = isinstance(op, Store) and any(isinstance(e, ValueIndex) for e in op.subscripts)
    return gathers and op.extra_mask is None and op.addresses is None  # type: ignore[union-attr]  # a Store


def _check(store: Any, lanes: _Lanes) -> None:
    try:
        rival = _rival(store, lanes)
    except _Unknown:
        return
    if rival is not None:
        span = None if store.location is None else store.location.span
        raise exc.DuplicateStoreIndicesError(
            span=span, index=list(rival) if len(rival) > 1 else rival[0]
        )


def _rival(store: Store, lanes: _Lanes) -> tuple[int, ...] | None:
    """The positions by values of an element that gets several values; None where there is none."""
    sizes = [lanes.size(size) for size in accessed_shape(store.subscripts)]
    indices = [
        _placed(lanes.value(entry.value), dims, len(sizes))
        for entry, dims in zip(store.subscripts, layout(store.subscripts), strict=True)
        if isinstance(entry, ValueIndex)
    ]
    gathered = {d for e in store.subscripts if isinstance(e, ValueIndex) for d in e.dims}
    others = [
        torch.arange(size).reshape([-1 if d == dim else 1 for d in range(len(sizes))])
        for dim, size in enumerate(sizes)
        if dim not in gathered
    ]
    every = torch.broadcast_tensors(*indices, *others, lanes.value(store.value))  # type: ignore[no-untyped-call]  # torch's own is untyped
    if every[0].numel() > _MOST_ELEMENTS:
        raise _Unknown
    *places, values = (tensor.flatten().tolist() for tensor in every)
    seen: dict[tuple[int, ...], Any] = {}
    for value, *place in zip(values, *places, strict=True):
        before = seen.setdefault(tuple(place), value)
        if before != value and not (before != before and value != value):  # noqa: PLR0124  # NaN
            return tuple(place[: len(indices)])
    return None


def _placed(tensor: torch.Tensor, dims: tuple[int, ...], rank: int) -> torch.Tensor:
    """A tensor with its dimensions at ``dims`` of ``rank``."""
    shape = [1] * rank
    for dim, size in zip(dims, tensor.shape, strict=True):
        shape[dim] = size
    return tensor.reshape(shape)


class _Lanes:
    """The first lanes of the axes of a grid, and what values hold in them."""

    def __init__(self, program: Program, axes: list[Axis]) -> None:
        self._ops = made_by(program.walk())
        self._known: dict[sympy.Symbol, int] = {}
        self._values: dict[Value, torch.Tensor] = {}
        self._symbols = program.symbols
        for axis in axes:
            if axis.offset is not None and isinstance(axis.begin, int):
                self._known[axis.offset] = axis.begin
            if axis.block is not None:
                lanes, symbol = self._first_lanes(axis), axis.block.symbol
                self._known[symbol] = min(lanes, self._known.get(symbol, lanes))

    def _first_lanes(self, axis: Axis) -> int:
        """How many lanes of an axis surely are in one tile: a block may be small if the author says so."""
        assert axis.block is not None
        extent = axis.extent
        if axis.ends is not None or not (isinstance(extent, int) or extent in self._symbols):
            return 1
        at_least = extent if isinstance(extent, int) else 2  # a size that stays open is no 0 or 1
        return min(at_least, axis.block.fixed or _LANES, _LANES)

    def size(self, size: Size) -> int:
        """A number, if it follows from the axes."""
        known = size if isinstance(size, int) else size.xreplace(self._known)
        if isinstance(known, sympy.Integer | int):
            return int(known)
        raise _Unknown

    def value(self, value: Value) -> torch.Tensor:
        """What a value holds in the first lanes."""
        if value not in self._values:
            op = self._ops.get(value)
            compute = _MEANINGS.get(type(op))
            if compute is None:
                raise _Unknown
            self._values[value] = compute(op, self)
        return self._values[value]


def _range(op: Range, lanes: _Lanes) -> torch.Tensor:
    begin = lanes.size(op.axis.begin)
    return torch.arange(begin, begin + lanes.size(op.axis.size), dtype=op.result.type.dtype)


def _full(op: Full, lanes: _Lanes) -> torch.Tensor:
    fill = lanes.size(op.fill) if isinstance(op.fill, sympy.Basic) else op.fill
    return torch.full((), fill, dtype=op.result.type.dtype).expand([1] * len(op.result.type.shape))


def _pointwise(op: Pointwise, lanes: _Lanes) -> torch.Tensor:
    args = [_operand(argument, lanes) for argument in op.args]
    kwargs = {k: _operand(v, lanes) for k, v in op.kwargs.items() if k != "device"}
    try:
        result: torch.Tensor = op.operator(*args, **kwargs)
    except (RuntimeError, TypeError, ValueError, NotImplementedError) as error:
        raise _Unknown from error
    return result


def _operand(argument: Any, lanes: _Lanes) -> Any:
    if isinstance(argument, Value):
        return lanes.value(argument)
    if isinstance(argument, tuple):
        return [_operand(item, lanes) for item in argument]
    if isinstance(argument, sympy.Basic):
        return lanes.size(argument)
    return argument


_MEANINGS: Mapping[Any, Callable[[Any, _Lanes], torch.Tensor]] = {
    Range: _range,
    Full: _full,
    Pointwise: _pointwise,
    Permute: lambda op, lanes: lanes.value(op.operand).permute(op.order),
    Unsqueeze: lambda op, lanes: lanes.value(op.operand).unsqueeze(op.dim),
    Squeeze: lambda op, lanes: lanes.value(op.operand).squeeze(op.dim),
    Broadcast: lambda op, lanes: lanes.value(op.operand),
}
