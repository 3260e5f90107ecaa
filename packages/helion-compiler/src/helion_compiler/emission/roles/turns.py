"""The tiles of a program, and the turns of a tile's loops, which both roles count alike."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import attrs

from helion_compiler.emission.grid import (
    enter_tile,
    persistent_range,
    positions_of_dimensions,
    positions_of_id,
)
from helion_compiler.emission.writer import atom
from helion_compiler.program.expressions import ceil_div

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from helion_compiler.emission.grid import GridPlan
    from helion_compiler.emission.roles.context import RoleContext
    from helion_compiler.program.types import Axis
    from helion_compiler.scheduling.warp_roles import Turn


@contextmanager
def each_tile(context: RoleContext, plan: GridPlan) -> Iterator[Turns]:
    """What is written inside is done for each tile of a program, of one or of several."""
    writer = context.writer
    writer.origin(plan.grid.location)
    kind = context.schedule.program_ids
    if kind == "xyz":
        yield _entered(context, plan, positions_of_dimensions(plan))
        return
    pid = writer.name("pid")
    if kind == "flat":
        writer.line(f"{pid} = tl.program_id(0)")
        yield _entered(context, plan, positions_of_id(context, plan, pid))
        return
    writer.line(f"for {pid} in {persistent_range(context, plan)}:")
    with writer.indented():
        yield _entered(context, plan, positions_of_id(context, plan, pid))


def _entered(context: RoleContext, plan: GridPlan, positions: Mapping[Axis, str]) -> Turns:
    enter_tile(context, plan, positions)
    return count_turns(context)


@attrs.frozen
class Turns:
    """The turns of a tile: ``total`` is the text of how many there are, ``ends`` that of how many are over when each
    of the loops is.
    """

    total: str
    ends: tuple[str, ...]

    def begin(self, context: RoleContext, loop: int, turn: str) -> str:
        """Where the block begins that one of the loops is at in a turn."""
        axis = context.roles.turns[loop].axis
        before = self.ends[loop - 1] if loop else "0"
        own = turn if before == "0" else _difference(turn, before)
        step = context.schedule.axis_lanes(axis)
        scaled = str(int(own) * step) if own.isdigit() else f"{atom(own)} * {step}"
        begin = context.text(axis.begin)
        if begin == "0":
            return scaled
        return begin if scaled == "0" else f"{begin} + {scaled}"

    def second_of(self, loop: int) -> str:
        """The first turn of one of the loops that is not the tile's first."""
        if loop == 0:
            return "1"
        before = self.ends[loop - 1]
        return str(max(int(before), 1)) if before.isdigit() else f"max({before}, 1)"

    def begin_of_any(self, context: RoleContext, turn: str) -> str:
        """Where the block begins that a turn is at, whichever loop that belongs to."""
        turns = context.roles.turns
        text = self.begin(context, 0, turn)
        for loop in range(1, len(turns)):
            if not _goes_on(context, turns[loop - 1], turns[loop]):
                later = self.begin(context, loop, turn)
                text = f"tl.where({turn} < {self.ends[loop - 1]}, {text}, {later})"
        return text


def count_turns(context: RoleContext) -> Turns:
    """Write how many turns the tile has that is active."""
    writer = context.writer
    ends: list[str] = []
    for turn in context.roles.turns:
        axis = turn.axis
        own = context.text(ceil_div(axis.extent, context.schedule.axis_lanes(axis)))
        if not ends and own.isdigit():
            ends.append(own)
            continue
        if not own.isdigit():
            own = f"max({own}, 0)"  # a loop may end before it begins
        name = writer.name("turns")
        writer.line(f"{name} = {ends[-1]} + {atom(own)}" if ends else f"{name} = {own}")
        ends.append(name)
    return Turns(ends[-1], tuple(ends))


def _difference(text: str, other: str) -> str:
    return (
        str(int(text) - int(other)) if text.isdigit() and other.isdigit() else f"{text} - {other}"
    )


def _goes_on(context: RoleContext, before: Turn, after: Turn) -> bool:
    """Whether a loop's blocks lie behind those of the loop before it, so that one formula gives both."""
    same = context.schedule.program.same(before.axis.end, after.axis.begin)
    first = before.axis.begin == context.roles.turns[0].axis.begin
    return same and first and context.schedule.is_exact(before.axis)
