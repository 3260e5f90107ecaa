"""Statements that a loop of the language cannot have: it always runs to its end, on a device in parallel."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from helion.exc import DeviceLoopElseBlock, StatementNotSupported, several
from helion.reference.places import loop_over, span_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import FrameType


def check_loop(frame: FrameType, function: str) -> None:
    """Refuse ``else``, and ``break``, ``continue`` and ``return`` out of the loop that ``frame`` is starting.

    Raises:
        StatementNotSupported: a statement leaves the loop.
        SeveralErrors: several do.
        DeviceLoopElseBlock: the loop has an ``else``.
    """
    loop = loop_over(frame)
    if loop is None:
        return
    filename = frame.f_code.co_filename
    found = [
        StatementNotSupported(
            statement=type(statement).__name__.lower(),
            remedy="a tile loop always runs to its end: compute a condition and use torch.where",
            span=span_of(filename, statement),
        )
        for statement in _leaving(loop.body, inside=False)
    ]
    if found:
        raise several(found)
    if loop.orelse:
        raise DeviceLoopElseBlock(iterable=f"hl.{function}", span=span_of(filename, loop.orelse[0]))


def _leaving(statements: Iterable[ast.AST], *, inside: bool) -> Iterator[ast.stmt]:
    """The statements that leave a loop with this body; ``inside`` another one, ``break`` is that one's own."""
    for node in statements:
        if isinstance(node, ast.Return) or (
            isinstance(node, (ast.Break, ast.Continue)) and not inside
        ):
            yield node
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            continue
        else:
            loops = isinstance(node, (ast.For, ast.While))
            yield from _leaving(ast.iter_child_nodes(node), inside=inside or loops)
