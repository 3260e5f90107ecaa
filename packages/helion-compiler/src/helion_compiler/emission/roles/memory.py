"""What the roles share: blocks in shared memory, and barriers that say when they are there and when they may be filled.

A ring of buffers has the right operands of both products. A turn's first product and the second one of the turn before
it are done together, so the operands of these two are copied together and share a place in the ring and its barriers.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import attrs

from helion_compiler.emission.dtypes import dtype_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from helion_compiler.emission.parameters import DescriptorParameter
    from helion_compiler.emission.roles.context import RoleContext
    from helion_compiler.program.ops import Access

BARRIERS = ("ready", "free", "kept_ready", "kept_free")


@attrs.frozen(eq=False)
class SharedBlocks:
    """Blocks of one access in shared memory: ``name[index]`` is one of ``count``."""

    name: str
    op: Access
    descriptor: DescriptorParameter
    count: int

    @property
    def nbytes(self) -> int:
        """Bytes of one block."""
        return math.prod(self.descriptor.block) * self.op.buffer.dtype.itemsize

    def allocation(self) -> str:
        """The line that makes room for them."""
        shape = [self.count, *self.descriptor.block]
        dtype = dtype_text(self.op.buffer.dtype)
        return f"{self.name} = gl.allocate_shared_memory({dtype}, {shape}, {self.descriptor.name}.layout)"


@attrs.frozen(eq=False)
class Memory:
    """The shared memory of a kernel: ``kept`` has a block for each group, ``copied`` are the rings, ``stored`` pass
    results on to the copy engine, each from a block for each group.
    """

    kept: SharedBlocks
    copied: tuple[SharedBlocks, SharedBlocks]
    stored: dict[str, SharedBlocks]
    barriers: tuple[str, ...]

    def all_blocks(self) -> Iterable[SharedBlocks]:
        """Everything that has room of its own."""
        return (self.kept, *self.copied, *self.stored.values())

    def names(self) -> list[str]:
        """What functions of the roles are given."""
        return [*(blocks.name for blocks in self.all_blocks()), *self.barriers]


def plan_memory(context: RoleContext, stored: Iterable[Access]) -> Memory:
    """The memory of a kernel whose roles ``context`` knows; ``stored`` goes through descriptors."""
    schedule, roles = context.schedule, context.roles
    groups, buffers = schedule.groups, schedule.num_stages

    def blocks(op: Access, count: int) -> SharedBlocks:
        name = context.writer.name(f"{op.buffer.name}_blocks")
        return SharedBlocks(name, op, context.block_descriptor(op), count)

    first, second = (operand.load for operand in roles.turns[0].copied)
    return Memory(
        kept=blocks(roles.kept, groups),
        copied=(blocks(first, buffers), blocks(second, buffers)),
        stored={op.name: blocks(op, groups) for op in stored},
        barriers=tuple(context.writer.name(name) for name in BARRIERS),
    )
