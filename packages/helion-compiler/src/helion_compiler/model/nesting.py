"""What ops are inside of: loops, and branches that are taken or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import attrs

from helion_compiler.program.ops import If, Loop, While

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helion_compiler.program.ops import Block, Op
    from helion_compiler.program.types import Axis

    Loops: TypeAlias = tuple[Loop | While | "Branch", ...]
    """Those around something, and the branches that it is in, the outer ones first."""


@attrs.frozen
class Branch:
    """Where the condition of ``of`` holds, if ``taken``, or else where it does not."""

    of: If
    taken: bool


def inside(op: Op, block: Block, loops: Loops) -> Loops:
    """What is around the ops of a block of an op that is in ``loops``."""
    if isinstance(op, If):
        return (*loops, Branch(op, taken=block is op.then))
    return (*loops, op) if isinstance(op, Loop | While) else loops


def loops_alone(loops: Loops) -> tuple[Loop | While, ...]:
    """Loops without the branches between them."""
    return tuple(loop for loop in loops if not isinstance(loop, Branch))


def axes_of(loops: Loops) -> Iterator[Axis]:
    """The axes of loops, the outer ones first."""
    for loop in loops:
        if isinstance(loop, Loop):
            yield from loop.axes
