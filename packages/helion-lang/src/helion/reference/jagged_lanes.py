"""Which tiles the lanes of a jagged loop come from.

Reference mode runs jagged loops one lane at a time: a loop whose tile decides the ends of a jagged loop inside takes
one position at a time, whatever its block size is. So each lane has its own end, and what is beyond does not exist.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from helion.reference.places import loop_over, names_of_target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


def axes_of_lanes(frame: FrameType) -> frozenset[int]:
    """The axes of the loop now starting in ``frame`` whose tiles decide the ends of a jagged loop inside."""
    loop = loop_over(frame)
    if loop is None:
        return frozenset()
    parents = [call.args[0] for call in _jagged_calls(loop) if call.args]
    if not parents:
        return frozenset()
    sources = _assigned_from(loop)
    reached: set[str] = set()
    open_names = {name for parent in parents for name in _names(parent)}
    while open_names:
        name = open_names.pop()
        reached.add(name)
        open_names |= sources.get(name, set()) - reached
    targets = names_of_target(loop.target)
    return frozenset(axis for axis, name in enumerate(targets) if name in reached)


def _jagged_calls(loop: ast.For) -> Iterator[ast.Call]:
    for statement in loop.body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and _called_name(node) == "jagged_tile":
                yield node


def _called_name(call: ast.Call) -> str:
    function = call.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _assigned_from(loop: ast.For) -> dict[str, set[str]]:
    """For each name that the body assigns, the names in what is assigned to it."""
    sources: dict[str, set[str]] = {}
    for statement in loop.body:
        for node in ast.walk(statement):
            for target, value in _assignments(node):
                for name in names_of_target(target):
                    sources.setdefault(name, set()).update(_names(value))
    return sources


def _assignments(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    """What a statement or expression assigns, and from what."""
    if isinstance(node, ast.Assign):
        yield from ((target, node.value) for target in node.targets)
    elif isinstance(node, ast.For):
        yield node.target, node.iter
    elif isinstance(node, (ast.AugAssign, ast.NamedExpr, ast.AnnAssign)) and node.value is not None:
        yield node.target, node.value


def _names(expression: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)}
