"""Rows whose maximum and sums of exponentials are taken in one loop, where the row is rolled into one.

Groups of neighbouring lanes have a maximum and sums of their own (:mod:`helion_compiler.scheduling.online_maximum`),
as many lanes as a thread reads at once of a row that lies along memory. Where rows lie across memory a thread has none
of its lane's neighbours: groups come together across threads in each turn, and each thread of a group holds all that
the group has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from helion_compiler.program.access import accessed_shape
from helion_compiler.program.ops import Load
from helion_compiler.scheduling.levels import Along
from helion_compiler.scheduling.online_sums import find_online_sums

if TYPE_CHECKING:
    from collections.abc import Iterable

    from helion_compiler.model.nesting import Loops
    from helion_compiler.program.neighbours import Neighbours
    from helion_compiler.program.ops import Block, Reduce
    from helion_compiler.program.types import Axis, Size

_VECTOR = 16
"""Bytes of a group of the narrowest tensor along the row."""


@attrs.frozen
class Online:
    """A maximum and its sums, ``reductions`` in all, of values of ``shape`` along ``size``, in the loops ``loops``."""

    shape: tuple[Size, ...]
    size: Size
    members: int
    """Lanes of a group, where a turn has so many."""
    reductions: int
    loops: Loops


def online_of(
    block: Block, loops: Loops, axes: Iterable[Axis], neighbours: Neighbours
) -> list[Online]:
    """Those of a block, not of blocks in it, whose rows lie across memory."""
    found = []
    for axis in axes:
        along = Along(axis)
        sums: dict[Reduce, int] = {}
        for one in find_online_sums(block, along.levels(block), along.reduces):
            sums[one.maximum] = sums.get(one.maximum, 0) + 1
        loads = [op for op in block.ops if isinstance(op, Load) and along.has_axis(op.result)]
        if not sums or not loads:
            continue
        widest = max(loads, key=lambda load: len(accessed_shape(load.subscripts, load.addresses)))
        if neighbours.nearest(widest)[0] == axis.size:
            continue
        members = _VECTOR // min(load.buffer.dtype.itemsize for load in loads)
        found += [
            Online(maximum.operand.type.shape, axis.size, members, 1 + count, loops)
            for maximum, count in sums.items()
        ]
    return found
