"""Ops by their rules, and what has blocks of its own: loops and branches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sympy
import torch

from helion_compiler.emission.grid import range_arguments, stride
from helion_compiler.emission.operations import EMITTERS
from helion_compiler.emission.writer import atom
from helion_compiler.program.ops import Block, If, Loop, Op, Part, While
from helion_compiler.program.program import walk
from helion_compiler.scheduling.schedule import LoopOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helion_compiler.emission.context import EmissionContext
    from helion_compiler.program.types import Axis, Value


def emit_block(context: EmissionContext, block: Block) -> None:
    """Every op of a block, in order."""
    for op in block.ops:
        context.writer.origin(getattr(op, "location", None))
        _emit(context, op)


def _emit(context: EmissionContext, op: Op) -> None:
    match op:
        case Loop():
            _emit_loop(context, op)
        case While():
            _emit_while(context, op)
        case If():
            _emit_if(context, op)
        case Part():
            _emit_part(context, op)
        case _:
            EMITTERS[type(op)](context, op)


def _emit_loop(context: EmissionContext, loop: Loop) -> None:
    """A loop nest of one ``tl.range`` per axis; carried values live in variables of their own."""
    carried = _start(context, loop)
    outer = context.active()
    options = context.schedule.loops.get(loop, LoopOptions())
    _emit_nest(context, loop, carried, 0, options)
    context.restore(outer)
    _bind(context, loop.results, carried)


def _start(context: EmissionContext, loop: Loop | While) -> list[str]:
    pairs = zip(loop.initial, loop.parameters, strict=True)
    return [context.carry(initial, parameter) for initial, parameter in pairs]


def _bind(context: EmissionContext, values: Sequence[Value], names: Sequence[str]) -> None:
    for value, name in zip(values, names, strict=True):
        context.bind(value, name)


def _emit_nest(
    context: EmissionContext, loop: Loop, carried: list[str], depth: int, options: LoopOptions
) -> None:
    if depth == len(loop.axes):
        _keep_numbers(context, loop)
        emit_block(context, loop.body)
        _hand_on(context, loop.body.yields, carried)
        return
    axis = loop.axes[depth]
    begin = context.writer.name(axis.name if axis.scalar else f"{axis.name}_begin")
    step = context.text(stride(context.schedule, axis))
    bounds = f"{context.text(axis.begin)}, {_end(context, axis, options)}, {atom(step)}"
    if options.static:
        turn = context.writer.name(f"{axis.name}_turn")
        context.writer.line(f"for {turn} in tl.static_range({bounds}):")
    else:
        context.writer.line(f"for {begin} in tl.range({bounds}{range_arguments(options)}):")
    with context.writer.indented():
        if options.static:  # a constant has no methods, such as a cast
            context.writer.line(f"{begin} = tl.full([], {turn}, {_turn_dtype(context, axis)})")
        context.enter(axis, begin)
        _emit_nest(context, loop, carried, depth + 1, options)


def _end(context: EmissionContext, axis: Axis, options: LoopOptions) -> str:
    """Where a loop ends, which is nowhere before it begins if it is fused with another one: Triton 3.6 and 3.7 would
    give it a turn (triton-lang/triton, issue 11656).
    """
    end = context.text(axis.end)
    extent = sympy.sympify(context.schedule.program.resolve(axis.extent))
    return (
        f"max({context.text(axis.begin)}, {end})"
        if options.fused and not extent.is_nonnegative
        else end
    )


def _keep_numbers(context: EmissionContext, loop: Loop | While) -> None:
    """Have Triton keep the carried integers of a loop with loops inside.

    Triton 3.6 and 3.7 forget what a turn assigns to a number of which nothing but bounds of inner loops is made, and
    use the first one in all turns (triton-lang/triton, pull request 9036). What is assumed is true of every integer.
    """
    if not any(isinstance(op, Loop) for op in walk(loop.body)):
        return
    for parameter in loop.parameters:
        dtype = parameter.type.dtype
        if not (parameter.type.shape or dtype.is_floating_point or dtype is torch.bool):
            context.writer.line(f"tl.assume(({context.use(parameter)} | 1) != 0)")


def _turn_dtype(context: EmissionContext, axis: Axis) -> str:
    """What ``tl.range`` would count the turns of an unrolled loop in."""
    narrow = context.is_int32(axis.begin) and context.is_int32(axis.end)
    return "tl.int32" if narrow else "tl.int64"


def _emit_while(context: EmissionContext, loop: While) -> None:
    """The condition is computed before the loop and again at the end of each turn."""
    carried = _start(context, loop)
    outer = context.active()
    (condition,) = loop.condition.yields
    emit_block(context, loop.condition)
    again = context.writer.name("again")
    context.writer.line(f"{again} = {context.use(condition)}")
    context.writer.line(f"while {again}:")
    with context.writer.indented():
        _keep_numbers(context, loop)
        emit_block(context, loop.body)
        _hand_on(context, loop.body.yields, carried)
        _bind(context, loop.parameters, carried)
        emit_block(context, loop.condition)
        context.writer.line(f"{again} = {context.use(condition)}")
    context.restore(outer)
    _bind(context, loop.results, carried)


def _emit_if(context: EmissionContext, op: If) -> None:
    """Both branches assign the variables of the results."""
    chosen = [context.writer.name(value.name) for value in op.results]
    outer = context.active()
    context.writer.line(f"if {context.use(op.condition)}:")
    _emit_branch(context, op.then, chosen)
    context.restore(outer)
    if op.otherwise.ops or chosen:
        context.writer.line("else:")
        _emit_branch(context, op.otherwise, chosen)
        context.restore(outer)
    _bind(context, op.results, chosen)


def _emit_part(context: EmissionContext, part: Part) -> None:
    """A body whose axis has the one block that begins where the axis does."""
    outer = context.active()
    begin = context.text(part.axis.begin)
    if " " in begin:
        text, begin = begin, context.writer.name(f"{part.axis.name}_begin")
        context.writer.line(f"{begin} = {text}")
    context.enter(part.axis, begin)
    emit_block(context, part.body)
    context.restore(outer)


def _emit_branch(context: EmissionContext, block: Block, chosen: list[str]) -> None:
    with context.writer.indented():
        emit_block(context, block)
        for name, value in zip(chosen, block.yields, strict=True):
            context.writer.line(f"{name} = {context.use(value)}")
        if not block.ops and not chosen:
            context.writer.line("pass")


def _hand_on(context: EmissionContext, yields: tuple[Value, ...], carried: list[str]) -> None:
    """Assign the yields to the carried variables, all at once where one feeds another."""
    pairs = [(name, context.use(value)) for name, value in zip(carried, yields, strict=True)]
    pairs = [(name, text) for name, text in pairs if name != text]
    crossing = {name for name, _ in pairs} & {text for _, text in pairs}
    if crossing:
        kept = [(context.writer.name("kept"), text) for _, text in pairs]
        for name, text in kept:
            context.writer.line(f"{name} = {text}")
        pairs = [(name, text) for (name, _), (text, _) in zip(pairs, kept, strict=True)]
    for name, text in pairs:
        context.writer.line(f"{name} = {text}")
