"""The warp that copies: what each group keeps of a tile, and the blocks of its turns, as far ahead as buffers allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helion_compiler.emission.memory import descriptor_begins
from helion_compiler.emission.roles.turns import each_tile
from helion_compiler.scheduling.warp_roles import GROUP_ROWS

if TYPE_CHECKING:
    from helion_compiler.emission.grid import GridPlan
    from helion_compiler.emission.roles.context import RoleContext
    from helion_compiler.emission.roles.memory import Memory, SharedBlocks
    from helion_compiler.emission.roles.turns import Turns


def emit_copying(context: RoleContext, plan: GridPlan, memory: Memory) -> str:
    """The body of its function."""
    with context.role(computes=False) as writer:
        copying = _Copying(context, memory)
        writer.line("buffer, phase, kept_phase = 0, 1, 1")
        with each_tile(context, plan) as turns:
            copying.tile(turns)
        return writer.text()


class _Copying:
    def __init__(self, context: RoleContext, memory: Memory) -> None:
        self._context = context
        self._memory = memory
        self._line = context.writer.line
        self._ready, self._free, self._kept_ready, self._kept_free = memory.barriers

    def tile(self, turns: Turns) -> None:
        """What a tile needs: the first operand of its first turn, what is kept, pairs, and the last second operand."""
        context, writer = self._context, self._context.writer
        first, second = self._memory.copied
        copied = context.roles.turns[0]
        axis, name = copied.axis, copied.axis.name
        begin = writer.name(f"{name}_begin")
        self._line(f"{begin} = {turns.begin_of_any(context, '0')}")
        context.place(axis, begin)
        self._wait_and_expect(first)
        self._copy(first)
        self._context.advance()
        self._copy_kept()
        turn = writer.name("turn")
        self._line(f"for {turn} in range(1, {turns.total}):")
        with writer.indented():
            before, here = writer.name(f"{name}_before"), writer.name(f"{name}_begin")
            self._line(f"{before} = {turns.begin_of_any(context, f'({turn} - 1)')}")
            self._line(f"{here} = {turns.begin_of_any(context, turn)}")
            self._wait_and_expect(first, second)
            context.place(axis, here)
            self._copy(first)
            context.place(axis, before)
            self._copy(second)
            self._context.advance()
        last = writer.name(f"{name}_last")
        self._line(f"{last} = {turns.begin_of_any(context, f'({turns.total} - 1)')}")
        context.place(axis, last)
        self._wait_and_expect(second)
        self._copy(second)
        self._context.advance()

    def _wait_and_expect(self, *blocks: SharedBlocks) -> None:
        self._line(f"mbarrier.wait({self._free}.index(buffer), phase)")
        nbytes = sum(one.nbytes for one in blocks)
        self._line(f"mbarrier.expect({self._ready}.index(buffer), {nbytes})")

    def _copy(self, blocks: SharedBlocks) -> None:
        begins = descriptor_begins(self._context, blocks.op)
        self._line(
            f"tma.async_copy_global_to_shared({blocks.descriptor.name}, [{begins}], "
            f"{self._ready}.index(buffer), {blocks.name}.index(buffer))"
        )

    def _copy_kept(self) -> None:
        """What each group keeps of the tile, once the groups need no more of what they kept of the tile before."""
        context, kept = self._context, self._memory.kept
        groups, rows = context.schedule.groups, context.roles.rows
        self._line(f"mbarrier.wait({self._kept_free}.index(0), kept_phase)")
        self._line(f"mbarrier.expect({self._kept_ready}.index(0), {groups * kept.nbytes})")
        tile = context.axis(rows).begin
        for group in range(groups):
            context.place(rows, f"{tile} + {group * GROUP_ROWS}" if group else tile)
            self._line(
                f"tma.async_copy_global_to_shared({kept.descriptor.name}, [{descriptor_begins(context, kept.op)}], "
                f"{self._kept_ready}.index(0), {kept.name}.index({group}))"
            )
        context.place(rows, tile)
        self._line("kept_phase ^= 1")
