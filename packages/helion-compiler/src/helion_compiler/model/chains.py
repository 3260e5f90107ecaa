"""Loops that multiply what the turn before has multiplied: their turns go one after the other.

In: a loop. Out: whether a value that it carries passes through a factor of a product on its way to itself, as the state
of a recurrence does. What products only add to does not count: they add in the order in which they are asked to, while
warps go on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from helion_compiler.program.flow import Flow, joined
from helion_compiler.program.ops import Dot

if TYPE_CHECKING:
    from helion_compiler.program.ops import Loop, Op
    from helion_compiler.program.types import Value

    Origins: TypeAlias = frozenset[tuple[Value, bool]]
    """Of which carried values something is made, and whether by way of a factor of a product."""


def is_chained(loop: Loop) -> bool:
    """Whether a turn cannot multiply before the turn before has."""
    flow = Flow(_made, {value: frozenset({(value, False)}) for value in loop.parameters})
    flow.follow(loop.body)
    ways = {
        continued: flow.of(yielded)
        for continued, yielded in zip(loop.parameters, loop.body.yields, strict=True)
    }
    return any(
        multiplies and _reaches(ways, begin, continued)
        for continued, origin in ways.items()
        for begin, multiplies in origin
    )


def _made(op: Op, flow: Flow[tuple[Value, bool]]) -> Origins:
    made = joined(op, flow)
    if isinstance(op, Dot):
        made |= {(value, True) for value, _ in flow.of(op.lhs, op.rhs)}
    return made


def _reaches(ways: dict[Value, Origins], end: Value, begin: Value) -> bool:
    """Whether what is carried as ``begin`` becomes, in some turns, part of what is carried as ``end``."""
    found, waiting = {end}, [end]
    while waiting:
        for other, _ in ways[waiting.pop()]:
            if other not in found:
                found.add(other)
                waiting.append(other)
    return begin in found
