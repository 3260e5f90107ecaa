"""Write a kernel: its head, and its grids one after another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion_compiler.emission.blocks import emit_block
from helion_compiler.emission.context import EmissionContext
from helion_compiler.emission.emitted import (
    EmittedKernel,
    emit_dependent_launch,
    preamble,
    programs_of,
)
from helion_compiler.emission.grid import (
    GridPlan,
    along_dies,
    enter_tile,
    persistent_range,
    plan_grids,
    positions_of_dimensions,
    positions_of_id,
)
from helion_compiler.emission.roles import emit_roles
from helion_compiler.emission.writer import Writer, atom
from helion_compiler.program.fields import blocks, results
from helion_compiler.program.ops import Block, Loop, While
from helion_compiler.program.program import count_uses, walk

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from helion_compiler.program.types import Axis, Value
    from helion_compiler.scheduling.schedule import Schedule


def emit(schedule: Schedule, *, origin_lines: bool = True) -> EmittedKernel:
    """The Triton source of a schedule, or Gluon's where its warps have roles."""
    if schedule.roles is not None:
        return emit_roles(schedule, schedule.roles, origin_lines=origin_lines)
    writer = Writer(origin_lines=origin_lines)
    name = writer.name(schedule.program.name)
    starts: dict[Value, Value] = {}
    for grid in schedule.program.grids:
        starts |= _only_starts(grid.body)
    context = EmissionContext(schedule, writer, starts, emit_block)
    plans = plan_grids(schedule)
    if schedule.dependent_launch:
        emit_dependent_launch(context)
    persistent = schedule.program_ids not in ("flat", "xyz")
    if persistent:
        _emit_persistent(context, plans)
    elif schedule.program_ids == "xyz":
        _emit_xyz(context, plans)
    else:
        _emit_flat(context, plans)
    parameters = context.parameters()
    head = f"@triton.jit\ndef {name}({', '.join(parameter.name for parameter in parameters)}):\n"
    return EmittedKernel(
        name=name,
        source=preamble(context) + head + writer.text(),
        parameters=parameters,
        grid=programs_of(plans, schedule.program_ids),
        persistent=persistent,
        waits=schedule.program.barrier is not None,
        follows_addresses=schedule.program.follows_addresses(),
        limits=tuple(context.limits.values()),
    )


def _emit_flat(context: EmissionContext, plans: Sequence[GridPlan]) -> None:
    """One program a tile; programs of later grids come after those of earlier ones."""
    writer = context.writer
    writer.origin(plans[0].grid.location)
    pid = writer.name("pid")
    writer.line(f"{pid} = tl.program_id(0)")
    _emit_first(context, plans, pid)


def _emit_xyz(context: EmissionContext, plans: Sequence[GridPlan]) -> None:
    """One program a tile of the one grid; the launch has its dimensions."""
    (plan,) = plans
    context.writer.origin(plan.grid.location)
    _emit_tile(context, plan, positions_of_dimensions(plan))


def _emit_first(context: EmissionContext, plans: Sequence[GridPlan], pid: str) -> None:
    """The first of several grids for the first programs, the others for the rest."""
    plan, *rest = plans
    if not rest:
        _emit_tile(context, plan, _dealt(context, plan, pid))
        return
    writer = context.writer
    total = context.text(plan.total)
    writer.line(f"if {pid} < {total}:")
    with writer.indented():
        _emit_tile(context, plan, _dealt(context, plan, pid))
    writer.line("else:")
    with writer.indented():
        writer.origin(rest[0].grid.location)
        following = writer.name("pid")
        writer.line(f"{following} = {pid} - {atom(total)}")
        _emit_first(context, rest, following)


def _emit_persistent(context: EmissionContext, plans: Sequence[GridPlan]) -> None:
    """Every program takes tiles of the first grid, then of the next."""
    writer = context.writer
    barriers = 0
    for plan in plans:
        writer.origin(plan.grid.location)
        if plan.grid.after_barrier:
            barriers += 1
            _emit_barrier(context, barriers)
        pid = writer.name("pid")
        writer.line(f"for {pid} in {persistent_range(context, plan)}:")
        with writer.indented():
            blocked = context.schedule.program_ids == "persistent_blocked"
            positions = (
                positions_of_id(context, plan, pid) if blocked else _dealt(context, plan, pid)
            )
            _emit_tile(context, plan, positions)


def _dealt(context: EmissionContext, plan: GridPlan, pid: str) -> dict[Axis, str]:
    """The tile of a program id, or that of a neighbour on the same die."""
    if context.schedule.follows_dies:
        dealt = along_dies(context, pid, context.text(plan.total))
        pid = context.writer.name("dealt")
        context.writer.line(f"{pid} = {dealt}")
    return positions_of_id(context, plan, pid)


def _emit_barrier(context: EmissionContext, number: int) -> None:
    """Wait until every program has come ``number`` times."""
    arrived = context.schedule.program.barrier
    assert arrived is not None, "a program with barriers has the memory they count in"
    context.uses.add("grid_barrier")
    expected = "tl.num_programs(0)" + (f" * {number}" if number > 1 else "")
    context.writer.line(f"grid_barrier({context.pointer(arrived)}, {expected})")


def _emit_tile(context: EmissionContext, plan: GridPlan, positions: Mapping[Axis, str]) -> None:
    outer = context.active()
    enter_tile(context, plan, positions)
    emit_block(context, plan.grid.body)
    context.restore(outer)


def _only_starts(block: Block) -> dict[Value, Value]:
    """The values whose one use is to start a carried value, and which.

    Value and loop are in the same block: a loop that runs again needs what it starts with again.
    """
    ops = list(walk(block))
    bodies = (block, *(inner for op in ops for inner in blocks(op)))
    uses = count_uses(block)
    return {
        initial: parameter
        for body in bodies
        for loop in body.ops
        if isinstance(loop, Loop | While)
        for initial, parameter in zip(loop.initial, loop.parameters, strict=True)
        if uses[initial] == 1 and any(initial in results(op) for op in body.ops)
    }
