"""Where in the source a call stands: the statement it belongs to, and the names that statement assigns."""

from __future__ import annotations

import ast
import functools
import linecache
from typing import TYPE_CHECKING

from helion.exc import Span

if TYPE_CHECKING:
    from types import FrameType


def loop_over(frame: FrameType) -> ast.For | None:
    """The ``for`` statement that iterates the value of the expression now evaluated in ``frame``."""
    statement = _statement(frame)
    return statement if isinstance(statement, ast.For) else None


def target_names(frame: FrameType) -> tuple[str, ...]:
    """The names that the value of that expression is assigned to; "" for what is no name."""
    statement = _statement(frame)
    if statement is None:
        return ()
    target = statement.target if isinstance(statement, ast.For) else statement.targets[0]
    return names_of_target(target)


def names_of_target(target: ast.expr) -> tuple[str, ...]:
    """The names in the target of a loop or an assignment, in order; "" for what is no name."""
    names = target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target]
    return tuple(name.id if isinstance(name, ast.Name) else "" for name in names)


def _statement(frame: FrameType) -> ast.For | ast.Assign | None:
    span = Span.from_frame(frame)
    source = "".join(linecache.getlines(frame.f_code.co_filename))
    if span is None or not source:
        return None
    return _statements(source).get((span.line, span.column))


@functools.lru_cache(maxsize=16)
def _statements(source: str) -> dict[tuple[int, int], ast.For | ast.Assign]:
    """Loops and assignments of a file by where the value they iterate or assign begins."""
    found: dict[tuple[int, int], ast.For | ast.Assign] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.For):
            found[node.iter.lineno, node.iter.col_offset] = node
        elif isinstance(node, ast.Assign):
            found[node.value.lineno, node.value.col_offset] = node
    return found
