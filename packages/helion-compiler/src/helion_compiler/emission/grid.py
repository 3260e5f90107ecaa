"""From program ids to tiles: the head of a kernel, and how many programs it wants."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from helion_compiler.emission.writer import atom
from helion_compiler.program.expressions import ceil_div

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helion_compiler.emission.context import EmissionContext
    from helion_compiler.program.ops import Grid
    from helion_compiler.program.types import Axis, Size
    from helion_compiler.scheduling.schedule import GridSchedule, LoopOptions, Schedule


@attrs.frozen(eq=False)
class GridPlan:
    """A grid: its axes, the fastest first, and the number of tiles along each."""

    grid: Grid
    schedule: GridSchedule
    axes: tuple[Axis, ...]
    tiles: tuple[Size, ...]

    @property
    def total(self) -> Size:
        """The number of tiles."""
        total: Size = 1
        for count in self.tiles:
            total = total * count
        return total


def plan_grids(schedule: Schedule) -> tuple[GridPlan, ...]:
    """The grids of a schedule, in order."""
    return tuple(
        _plan(schedule, grid, own)
        for grid, own in zip(schedule.program.grids, schedule.grids, strict=True)
    )


def _plan(schedule: Schedule, grid: Grid, own: GridSchedule) -> GridPlan:
    axes = tuple(grid.axes[i] for i in own.order)
    resolve = schedule.program.resolve
    tiles = tuple(ceil_div(resolve(axis.extent), stride(schedule, axis)) for axis in axes)
    return GridPlan(grid, own, axes, tiles)


def stride(schedule: Schedule, axis: Axis) -> Size:
    """How far apart the blocks of an axis begin."""
    return axis.step if axis.scalar else schedule.tile_lanes(axis)


def enter_tile(context: EmissionContext, plan: GridPlan, positions: Mapping[Axis, str]) -> None:
    """Write where each tile begins; ``positions`` tell for each axis which of its tiles it is."""
    for number, axis in enumerate(plan.grid.axes):
        position = positions[axis]
        if number in plan.schedule.from_end:
            last = context.text(plan.tiles[plan.axes.index(axis)] - 1)
            position = f"{last} - {atom(position)}"
        step = atom(context.text(stride(context.schedule, axis)))
        begin = context.writer.name(axis.name if axis.scalar else f"{axis.name}_begin")
        start = "" if axis.begin == 0 else f"{context.text(axis.begin)} + "
        scaled = position if step == "1" else f"{atom(position)} * {step}"
        context.writer.line(f"{begin} = {start}{scaled}")
        context.enter(axis, begin)


def positions_of_dimensions(plan: GridPlan) -> dict[Axis, str]:
    """For each axis, which of its tiles a program does whose ids are along the axes."""
    return {axis: f"tl.program_id({number})" for number, axis in enumerate(plan.axes)}


def positions_of_id(context: EmissionContext, plan: GridPlan, pid: str) -> dict[Axis, str]:
    """For each axis, which of its tiles a flat program id means."""
    if len(plan.axes) == 1:
        return {plan.axes[0]: pid}
    counts = [atom(context.text(count)) for count in plan.tiles]
    if plan.schedule.l2_grouping > 1:
        return _grouped(context, plan, pid, counts)
    positions: dict[Axis, str] = {}
    rest = pid
    for axis, count in zip(plan.axes[:-1], counts[:-1], strict=True):
        positions[axis] = f"{atom(rest)} % {count}"
        rest = f"{atom(rest)} // {count}"
    positions[plan.axes[-1]] = rest
    return positions


def _grouped(
    context: EmissionContext, plan: GridPlan, pid: str, counts: list[str]
) -> dict[Axis, str]:
    """Groups of ``l2_grouping`` tiles along the fastest axis, walked together along the next, so
    that they share the L2.
    """
    line, name = context.writer.line, context.writer.name
    rows, columns = counts[0], counts[1]
    group = plan.schedule.l2_grouping
    positions: dict[Axis, str] = {}
    plane = pid
    if len(counts) > 2:
        plane = name("plane")
        line(f"{plane} = {pid} % ({rows} * {columns})")
        rest = f"{pid} // ({rows} * {columns})"
        for axis, count in zip(plan.axes[2:-1], counts[2:-1], strict=True):
            positions[axis] = f"{atom(rest)} % {count}"
            rest = f"{atom(rest)} // {count}"
        positions[plan.axes[-1]] = rest
    first, size, inside = name("first_row"), name("group_rows"), name("in_group")
    line(f"{first} = {plane} // ({group} * {columns}) * {group}")
    line(f"{size} = min({rows} - {first}, {group})")
    line(f"{inside} = {plane} % ({group} * {columns})")
    positions[plan.axes[0]] = f"{first} + {inside} % {size}"
    positions[plan.axes[1]] = f"{inside} // {size}"
    return positions


def along_dies(context: EmissionContext, pid: str, total: str) -> str:
    """A program id, or the one that the die of this program does instead, where the schedule asks for that."""
    if not context.schedule.follows_dies:
        return pid
    context.uses.add("along_dies")
    return f"along_dies({pid}, {total})"


def persistent_range(context: EmissionContext, plan: GridPlan) -> str:
    """The ``tl.range`` of a persistent kernel's loop over tiles."""
    total = context.text(plan.total)
    if context.schedule.program_ids == "persistent_interleaved":
        bounds = f"tl.program_id(0), {total}, tl.num_programs(0)"
    else:
        line, name = context.writer.line, context.writer.name
        share, first = name("tiles_per_program"), name("first_tile")
        line(f"{share} = tl.cdiv({total}, tl.num_programs(0))")
        worker = along_dies(context, "tl.program_id(0)", "tl.num_programs(0)")
        line(f"{first} = {worker} * {share}")
        bounds = f"{first}, min({first} + {share}, {total})"
    return f"tl.range({bounds}{range_arguments(plan.schedule.options)})"


def range_arguments(options: LoopOptions) -> str:
    """The keyword arguments of a ``tl.range``, a leading comma included."""
    arguments = []
    if options.num_stages:
        arguments.append(f"num_stages={options.num_stages}")
    if options.unroll_factor:
        arguments.append(f"loop_unroll_factor={options.unroll_factor}")
    if options.multi_buffer is not None:
        arguments.append(f"disallow_acc_multi_buffer={not options.multi_buffer}")
    if options.flatten is not None:
        arguments.append(f"flatten={options.flatten}")
    return "".join(f", {argument}" for argument in arguments)
