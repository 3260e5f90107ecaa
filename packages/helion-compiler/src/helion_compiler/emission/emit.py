"""Write a kernel: the head, the loops, and ops by their rules."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import attrs

from helion_compiler.emission.context import EmissionContext
from helion_compiler.emission.grid import (
    enter_tile,
    persistent_range,
    plan_grid,
    range_arguments,
)
from helion_compiler.emission.operations import EMITTERS
from helion_compiler.emission.reductions import COMBINE_FUNCTIONS
from helion_compiler.emission.writer import Writer
from helion_compiler.program.ops import Block, Loop, operands, results
from helion_compiler.program.program import walk
from helion_compiler.scheduling.schedule import LoopOptions
from helion_compiler.torch_bridge.pointwise import IMPORTS

if TYPE_CHECKING:
    from helion_compiler.emission.parameters import KernelParameter
    from helion_compiler.program.types import Size, Value
    from helion_compiler.scheduling.schedule import Schedule


@attrs.frozen(eq=False, kw_only=True)
class EmittedKernel:
    """Source and what calls it.

    ``tiles`` is the number of tiles of the grid; ``limits`` are element counts that offsets in the
    source assume to fit 31 bits.
    """

    name: str
    source: str
    parameters: tuple[KernelParameter, ...]
    tiles: Size
    persistent: bool
    limits: tuple[Size, ...]


def emit(schedule: Schedule, *, origin_lines: bool = True) -> EmittedKernel:
    """The Triton source of a schedule."""
    writer = Writer(origin_lines=origin_lines)
    name = writer.name(schedule.program.name)
    context = EmissionContext(schedule, writer, _only_starts(schedule.program.grid.body))
    grid = schedule.program.grid
    plan = plan_grid(schedule)
    persistent = schedule.grid.program_ids != "flat"
    writer.origin(grid.location)
    pid = writer.name("pid")
    if persistent:
        writer.line(f"for {pid} in {persistent_range(context, plan)}:")
        with writer.indented():
            enter_tile(context, plan, pid)
            _emit_block(context, grid.body)
    else:
        writer.line(f"{pid} = tl.program_id(0)")
        enter_tile(context, plan, pid)
        _emit_block(context, grid.body)
    parameters = context.parameters()
    head = f"@triton.jit\ndef {name}({', '.join(parameter.name for parameter in parameters)}):\n"
    return EmittedKernel(
        name=name,
        source=_preamble(context.uses) + head + writer.text(),
        parameters=parameters,
        tiles=plan.total,
        persistent=persistent,
        limits=tuple(context.limits.values()),
    )


def _preamble(uses: set[str]) -> str:
    """The imports and combine functions that a kernel's text needs."""
    imports = ["import triton", "import triton.language as tl"]
    imports += [IMPORTS[name] for name in sorted(uses & IMPORTS.keys())]
    functions = [
        f"@triton.jit\ndef {name}(a, b):\n    {COMBINE_FUNCTIONS[name]}\n"
        for name in sorted(uses & COMBINE_FUNCTIONS.keys())
    ]
    return "\n\n\n".join(["\n".join(imports), *functions, ""]).replace("\n\n\n\n", "\n\n\n")


def _emit_block(context: EmissionContext, block: Block) -> None:
    for op in block.ops:
        context.writer.origin(op.location)
        if isinstance(op, Loop):
            _emit_loop(context, op)
        else:
            EMITTERS[type(op)](context, op)


def _emit_loop(context: EmissionContext, loop: Loop) -> None:
    """A loop nest of one ``tl.range`` per axis; carried values live in variables of their own."""
    carried = _start(context, loop)
    outer = context.active()
    options = context.schedule.loops.get(loop, LoopOptions())
    _emit_nest(context, loop, carried, 0, options)
    context.restore(outer)
    for value, name in zip(loop.results, carried, strict=True):
        context.bind(value, name)


def _start(context: EmissionContext, loop: Loop) -> list[str]:
    pairs = zip(loop.initial, loop.parameters, strict=True)
    return [context.carry(initial, parameter) for initial, parameter in pairs]


def _only_starts(block: Block) -> dict[Value, Value]:
    """The values whose one use is to start a carried value, and which.

    Value and loop are in the same block: a loop that runs again needs what it starts with again.
    """
    loops = [op for op in walk(block) if isinstance(op, Loop)]
    blocks = (block, *(loop.body for loop in loops))
    read = [value for body in blocks for op in body.ops for value in operands(op)]
    uses = Counter([*read, *(value for body in blocks for value in body.yields)])
    return {
        initial: parameter
        for body in blocks
        for loop in body.ops
        if isinstance(loop, Loop)
        for initial, parameter in zip(loop.initial, loop.parameters, strict=True)
        if uses[initial] == 1 and any(initial in results(op) for op in body.ops)
    }


def _emit_nest(
    context: EmissionContext, loop: Loop, carried: list[str], depth: int, options: LoopOptions
) -> None:
    if depth == len(loop.axes):
        _emit_block(context, loop.body)
        _hand_on(context, loop.body.yields, carried)
        return
    axis = loop.axes[depth]
    begin = context.writer.name(f"{axis.name}_begin")
    lanes = context.schedule.axis_lanes(axis)
    bounds = f"{context.text(axis.begin)}, {context.text(axis.end)}, {lanes}"
    context.writer.line(f"for {begin} in tl.range({bounds}{range_arguments(options)}):")
    with context.writer.indented():
        context.enter(axis, begin)
        _emit_nest(context, loop, carried, depth + 1, options)


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
