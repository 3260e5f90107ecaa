"""Reductions and scans by a function: the function is traced once, on scalars.

Half precision is combined in float32 and rounded once. Padding never takes part: prefixes come to it last, and
everything else carries along whether a lane counts, unless what is neutral is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import torch

from helion import exc
from helion_compiler.program.ops import Block, Fold
from helion_compiler.tracing.fills import fill_tile
from helion_compiler.tracing.location import here, location

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from helion_compiler.program.types import Value
    from helion_compiler.tracing.state import Trace

Tensors: TypeAlias = tuple[torch.Tensor, ...]
Combine: TypeAlias = "Callable[[Tensors, Tensors], Sequence[Any]]"
"""From what is on the left and what is on the right to their combination, one tensor for each operand."""


def reduce_by(
    trace: Trace, combine: Combine, operands: Tensors, dim: int, empty: tuple[float | bool, ...]
) -> Tensors:
    """Combine all lanes along ``dim``, which goes away. ``empty`` is neutral unless it is 0, which is the default.

    A 0 nobody may have promised, so padding is left out lane by lane.
    """
    if trace.sizes_of(operands[0])[dim] == 1:
        return tuple(operand.squeeze(dim) for operand in operands)
    promised = all(number != 0 for number in empty)
    return _fold(
        trace, combine, operands, dim, scan=False, reverse=False, empty=empty, guarded=not promised
    )


def scan_by(
    trace: Trace,
    combine: Combine,
    operands: Tensors,
    dim: int,
    *,
    reverse: bool = False,
    neutral: tuple[float | bool, ...] = (),
) -> Tensors:
    """Every prefix along ``dim`` combined, or every suffix; ``neutral`` changes nothing, where that is known."""
    size = trace.sizes_of(operands[0])[dim]
    if size == 1:
        return tuple(operand.clone() for operand in operands)
    disturbed = reverse or size in trace.body.products
    return _fold(
        trace,
        combine,
        operands,
        dim,
        scan=True,
        reverse=reverse,
        empty=neutral if disturbed else (),
        guarded=disturbed and not neutral,
    )


def _fold(
    trace: Trace,
    combine: Combine,
    operands: Tensors,
    dim: int,
    *,
    scan: bool,
    reverse: bool,
    empty: tuple[float | bool, ...],
    guarded: bool,
) -> Tensors:
    dtypes = [operand.dtype for operand in operands]
    with trace.listening():
        held = [operand.to(_held_dtype(operand.dtype)) for operand in operands]
    parameters, block = _combine_block(trace, combine, held, dtypes)
    sizes = list(trace.sizes_of(operands[0]))
    if not scan:
        del sizes[dim]
    results = tuple(trace.fake(tuple(sizes), operand.dtype) for operand in held)
    trace.body.append(
        Fold(
            results=tuple(
                trace.new_value(result, "scan" if scan else "fold") for result in results
            ),
            operands=tuple(map(trace.value_of, held)),
            dim=dim,
            parameters=parameters,
            combine=block,
            scan=scan,
            reverse=reverse,
            empty=tuple(
                number if operand.is_floating_point() else int(number)
                for number, operand in zip(empty, held, strict=False)
            ),
            guarded=guarded,
            location=location(),
        )
    )
    with trace.listening():
        return tuple(result.to(dtype) for result, dtype in zip(results, dtypes, strict=True))


def _held_dtype(dtype: torch.dtype) -> torch.dtype:
    """What lanes are folded as: small floats in float32, and bools in a register's width."""
    if dtype is torch.bool:
        return torch.int32
    return torch.float32 if dtype.is_floating_point and dtype.itemsize < 4 else dtype


def _combine_block(
    trace: Trace, combine: Combine, held: Sequence[torch.Tensor], dtypes: Sequence[torch.dtype]
) -> tuple[tuple[Value, ...], Block]:
    """The function on scalars. It sees bools as bools, and other lanes as they are held."""
    trace.body.open_block(())
    sides = [[trace.fake((), operand.dtype) for operand in held] for _ in range(2)]
    names = ("left", "right")
    parameters = tuple(
        trace.new_value(scalar, name)
        for side, name in zip(sides, names, strict=True)
        for scalar in side
    )
    with trace.listening():
        left, right = (
            tuple(
                scalar.to(torch.bool) if dtype is torch.bool else scalar
                for scalar, dtype in zip(side, dtypes, strict=True)
            )
            for side in sides
        )
    combined = combine(left, right)
    if len(combined) != len(held):
        raise exc.ShapeMismatch(
            span=here(),
            operation="a combine function",
            reason=f"it returns {len(combined)} values for {len(held)} tensors",
        )
    with trace.listening():
        yields = tuple(
            _scalar(trace, value, operand.dtype)
            for value, operand in zip(combined, held, strict=True)
        )
    return parameters, trace.body.close_block((), yields)


def _scalar(trace: Trace, value: Any, dtype: torch.dtype) -> Value:
    """What a combine function returned, as one scalar of the dtype of what it combines."""
    if not isinstance(value, torch.Tensor):
        return trace.value_of(fill_tile(trace, (), value, dtype))
    if trace.sizes_of(value) != ():
        raise exc.ShapeMismatch(
            span=here(),
            operation="a combine function",
            reason=f"it returns {trace.describe(value)}: it may combine its arguments and numbers, not tiles",
        )
    return trace.value_of(value.to(dtype))
