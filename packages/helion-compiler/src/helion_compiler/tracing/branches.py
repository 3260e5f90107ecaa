"""What staged ``if``, ``while``, ternaries and boolean operators do while tracing.

Python decides what it can. Where the device decides, both ways are traced, each into a block of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from helion import exc
from helion_compiler.program.ops import Block, If, While
from helion_compiler.program.types import TileType
from helion_compiler.staging import UNBOUND
from helion_compiler.tracing.carrying import (
    NUMBERS,
    Carrying,
    as_value,
    is_same,
    is_tile,
    kind_of,
    merged,
    mismatch,
    type_of,
)
from helion_compiler.tracing.conditions import device_condition
from helion_compiler.tracing.location import here, location

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from helion_compiler.program.ops import Op
    from helion_compiler.program.types import Value
    from helion_compiler.tracing.state import Trace

    Body = Callable[..., tuple[Any, ...]]


def branch(
    trace: Trace,
    condition: object,
    bodies: tuple[Body, Body],
    names: Sequence[str],
    values: tuple[Any, ...],
) -> tuple[Any, ...]:
    """``if``: one of two bodies."""
    chosen = device_condition(trace, condition)
    if chosen is None:
        return bodies[0 if condition else 1](*values)
    where = location()
    traced = [_trace_way(trace, body, values) for body in bodies]
    after: list[Any] = []
    types: list[tuple[int, TileType]] = []
    for i, (name, value) in enumerate(zip(names, values, strict=True)):
        ways = [_unchanged(trace, value, leaving[i]) for _, leaving in traced]
        type_ = _common_type(trace, name, ways)
        if type_ is not None:
            types.append((i, type_))
        after.append(ways[0] if is_same(*ways) else UNBOUND)
    blocks = [_finish(trace, ops, leaving, types) for ops, leaving in traced]
    results = []
    for i, type_ in types:
        after[i] = trace.fake(type_.shape, type_.dtype)
        results.append(trace.new_value(after[i], names[i]))
    trace.body.append(
        If(
            condition=trace.value_of(chosen),
            then=blocks[0],
            otherwise=blocks[1],
            results=tuple(results),
            location=where,
        )
    )
    return tuple(after)


def _trace_way(
    trace: Trace, body: Body, values: tuple[Any, ...]
) -> tuple[list[Op], tuple[Any, ...]]:
    """The ops of one way, and what the names hold after it. Tiles enter under new fakes, which may change."""
    trace.body.open_block(())
    entering = [_alias(trace, value) if is_tile(trace, value) else value for value in values]
    leaving = body(*entering)
    return trace.body.take(), leaving


def _alias(trace: Trace, tensor: torch.Tensor) -> torch.Tensor:
    alias = trace.fake(trace.sizes_of(tensor), tensor.dtype)
    trace.add_value(alias, trace.value_of(tensor))
    return alias


def _unchanged(trace: Trace, before: Any, after: Any) -> Any:
    """``before`` itself where a way left it as it was."""
    both = is_tile(trace, before) and is_tile(trace, after)
    return before if both and trace.value_of(before) is trace.value_of(after) else after


def _common_type(trace: Trace, name: str, ways: Sequence[Any]) -> TileType | None:
    """The type of a name after a choice; None where both ways agree, or one leaves it unbound."""
    first, second = ways
    if is_same(first, second) or first is UNBOUND or second is UNBOUND:
        return None
    plain = [isinstance(way, NUMBERS) for way in ways]
    tiles = [is_tile(trace, way) for way in ways]
    if not all(number or tile for number, tile in zip(plain, tiles, strict=True)):
        raise exc.CantCombineTypesInControlFlow(
            span=here(), name=name, before=kind_of(first), after=kind_of(second)
        )
    types = [type_of(trace, way) for way in ways]
    if any(plain):
        number, other = (0, 1) if plain[0] else (1, 0)
        return merged(types[number], types[other])
    agree = trace.symbols.agree(types[0].shape, types[1].shape)
    if types[0].dtype != types[1].dtype or not agree:
        raise mismatch(trace, name, *types)
    return types[0]


def _finish(
    trace: Trace, ops: list[Op], leaving: Sequence[Any], types: Sequence[tuple[int, TileType]]
) -> Block:
    trace.body.reopen(ops)
    yields = tuple(as_value(trace, leaving[i], type_) for i, type_ in types)
    return trace.body.close_block((), yields)


def repeat(
    trace: Trace,
    test: Callable[..., object],
    body: Body,
    names: Sequence[str],
    values: tuple[Any, ...],
) -> tuple[Any, ...]:
    """``while``."""
    mark = trace.body.mark() if trace.on_device else None
    if mark is None or not _device_decides(trace, test, values):
        if mark is not None:
            trace.body.rewind(mark)
        while test(*values):
            values = body(*values)
        return values
    trace.body.rewind(mark)
    where = location()
    carrying = Carrying(trace, names, values)
    while True:
        mark = trace.body.mark()
        trace.body.open_block(())
        leaving = body(*carrying.enter())
        if carrying.settle(leaving):
            break
        trace.body.rewind(mark)
    yields = carrying.yields(leaving)
    block = trace.body.close_block((), yields)
    condition = _condition_block(trace, test, carrying)
    initial = carrying.initial()
    after, results = carrying.leave(leaving)
    trace.body.append(
        While(
            initial=initial,
            parameters=carrying.parameters,
            results=results,
            condition=condition,
            body=block,
            location=where,
        )
    )
    return tuple(after)


def _device_decides(trace: Trace, test: Callable[..., object], values: Sequence[Any]) -> bool:
    return device_condition(trace, test(*values)) is not None


def _condition_block(trace: Trace, test: Callable[..., object], carrying: Carrying) -> Block:
    trace.body.open_block(())
    found = test(*carrying.enter_again())
    condition = device_condition(trace, found)
    yields: tuple[Value, ...]
    if condition is None:  # the body made numbers into scalars, and the test does not read them
        yields = (as_value(trace, bool(found), TileType(torch.bool, ())),)
    else:
        yields = (trace.value_of(condition),)
    return trace.body.close_block((), yields)


# Expressions.


def choose(
    trace: Trace, condition: object, then: Callable[[], Any], otherwise: Callable[[], Any]
) -> Any:
    """``a if condition else b``."""
    bodies = (lambda _: (then(),)), (lambda _: (otherwise(),))
    return branch(trace, condition, bodies, ("chosen",), (UNBOUND,))[0]


def combine(trace: Trace, operands: Sequence[Callable[[], Any]], *, every: bool) -> Any:
    """``and`` (``every``) or ``or``: Python's own until the device decides, then the truth of all the rest."""
    *first, last = operands
    for number, operand in enumerate(first):
        value = operand()
        truth = device_condition(trace, value)
        if truth is not None:
            return _combine_truths(trace, truth, operands[number + 1 :], every=every)
        if bool(value) is not every:
            return value
    return last()


def _combine_truths(
    trace: Trace, truth: torch.Tensor, operands: Sequence[Callable[[], Any]], *, every: bool
) -> torch.Tensor:
    for operand in operands:
        value = operand()
        other = device_condition(trace, value)
        scalar = _scalar(trace, bool(value) if other is None else other)
        truth = truth & scalar if every else truth | scalar
    return truth


def _scalar(trace: Trace, truth: torch.Tensor | bool) -> torch.Tensor:
    if isinstance(truth, torch.Tensor):
        return truth
    return torch.full((), truth, dtype=torch.bool, device=trace.torch_device)


def negate(trace: Trace, operand: object) -> Any:
    """``not``."""
    truth = device_condition(trace, operand)
    return not operand if truth is None else torch.logical_not(truth)
