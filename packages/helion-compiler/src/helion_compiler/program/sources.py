"""What values are computed from: the ops behind them, backwards, and what blocks read from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helion_compiler.program.fields import blocks, operands, parameters, symbols
from helion_compiler.program.program import defined, walk
from helion_compiler.program.types import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from helion_compiler.program.ops import Op


def sources_of(
    values: Iterable[Value],
    makers: Mapping[Value, Op],
    follows: Callable[[Value], bool] = lambda _: True,
) -> list[Op]:
    """The ops that make ``values``, those that make what these read, and so on, each once: as far as ``makers`` says
    who makes a value, and ``follows`` that it is one to ask about.
    """
    found: dict[Op, None] = {}
    waiting = list(values)
    while waiting:
        value = waiting.pop()
        op = makers.get(value)
        if op is None or op in found or not follows(value):
            continue
        found[op] = None
        waiting += [one for one in (*operands(op), *free_values(op)) if isinstance(one, Value)]
    return list(found)


def free_values(op: Op) -> list[Any]:
    """What an op's blocks read from outside: values, and symbols of numbers."""
    bodies = blocks(op)
    inside = {value for body in bodies for value in defined(body)} | set(parameters(op))
    ops = [inner for body in bodies for inner in walk(body)]
    read: list[Any] = [part for inner in ops for part in (*operands(inner), *symbols(inner))]
    read += [value for body in bodies for value in body.yields]
    return [value for value in read if value not in inside]
