"""Where in the source a call stands: the statement it belongs to, and the names that statement assigns."""

from __future__ import annotations

import ast
import functools
import linecache
from typing import TYPE_CHECKING

from helion.exc import Span

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any


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


def last_return(function: Callable[..., Any]) -> Span | None:
    """What a function's last ``return`` returns; None where there is none, or no source."""
    code = function.__code__
    source = "".join(linecache.getlines(code.co_filename))
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef) or node.name != function.__name__:
            continue
        if min([node.lineno, *(one.lineno for one in node.decorator_list)]) != code.co_firstlineno:
            continue
        returned = [one.value for one in node.body if isinstance(one, ast.Return) and one.value]
        return span_of(code.co_filename, returned[-1]) if returned else None
    return None


def span_of(filename: str, node: ast.expr | ast.stmt) -> Span:
    """Where a piece of source stands."""
    end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
    return Span(filename, node.lineno, node.col_offset, end_line, end_column)


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
