"""Smaller sources than one: without a statement, without a result, with a part of an expression in its place."""

from __future__ import annotations

import ast
import copy
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    _Edit = Callable[[ast.Module], None]


def smaller_sources(source: str, start: int = 0) -> Iterator[tuple[int, str]]:
    """Sources that are one edit away, by the numbers of the edits, from ``start`` on; what removes most comes first."""
    tree = ast.parse(source)
    edits = [*_removals(tree), *_results(tree), *_replacements(tree)]
    edits.sort(key=lambda entry: -entry[0])
    for number, (_, edit) in enumerate(edits[start:], start):
        changed = copy.deepcopy(tree)
        edit(changed)
        text = ast.unparse(ast.fix_missing_locations(changed)) + "\n"
        if len(text) < len(source):
            yield number, text


def _nodes(tree: ast.Module) -> list[ast.AST]:
    """In an order that is the same for a copy."""
    return list(ast.walk(tree))


def _length(*nodes: ast.AST) -> int:
    return sum(len(ast.unparse(node)) for node in nodes)


def _removals(tree: ast.Module) -> Iterator[tuple[int, _Edit]]:
    """Each statement gone, or what it holds in its place."""
    for number, node in enumerate(_nodes(tree)):
        for field in ("body", "orelse"):
            statements = getattr(node, field, None)
            if isinstance(node, ast.Module | ast.Lambda) or not isinstance(statements, list):
                continue
            for place, statement in enumerate(statements):
                if isinstance(statement, ast.Return | ast.Pass):
                    continue
                yield _length(statement), _put(number, field, place, None)
                for inner in ("body", "orelse"):
                    kept = getattr(statement, inner, [])
                    if kept:
                        saved = _length(statement) - _length(*kept)
                        yield saved, _put(number, field, place, inner)


def _put(number: int, field: str, place: int, inner: str | None) -> _Edit:
    """Put what a statement holds as ``inner`` in its place, or nothing."""

    def edit(tree: ast.Module) -> None:
        statements = getattr(_nodes(tree)[number], field)
        removed = statements[place]
        statements[place : place + 1] = [] if inner is None else getattr(removed, inner)
        if not statements and field == "body":
            statements.append(ast.Pass())

    return edit


def _results(tree: ast.Module) -> Iterator[tuple[int, _Edit]]:
    """Each result gone, if it is not the last."""
    for number, node in enumerate(_nodes(tree)):
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
            for place in range(len(node.value.elts)):
                if len(node.value.elts) > 1:
                    yield 1 << 16, _without_result(number, place)


def _without_result(number: int, place: int) -> _Edit:
    def edit(tree: ast.Module) -> None:
        returned = _nodes(tree)[number]
        assert isinstance(returned, ast.Return)
        assert isinstance(returned.value, ast.Tuple)
        del returned.value.elts[place]

    return edit


def _replacements(tree: ast.Module) -> Iterator[tuple[int, _Edit]]:
    """A part of each expression in its place."""
    for number, node in enumerate(_nodes(tree)):
        if isinstance(node, ast.expr):
            for path in _parts(node):
                yield _length(node) - _length(_at(node, path)), _replace(number, path)


def _parts(node: ast.expr) -> list[tuple[str, int | None]]:
    """Where in an expression a smaller one may be that could stand for it: a field, and an index into it."""
    match node:
        case ast.BinOp():
            return [("left", None), ("right", None)]
        case ast.IfExp():
            return [("body", None), ("orelse", None)]
        case (
            ast.Call(func=ast.Attribute(value=ast.Name(id="torch" | "hl")))
            | ast.Call(func=ast.Name())
        ):
            return [("args", place) for place in range(len(node.args))]
        case ast.Call(func=ast.Attribute()):
            return [("func", None)]
        case ast.Attribute(attr="T") | ast.Subscript():
            return [("value", None)]
        case ast.UnaryOp():
            return [("operand", None)]
        case ast.BoolOp():
            return [("values", place) for place in range(len(node.values))]
        case _:
            return []


def _at(node: ast.AST, path: tuple[str, int | None]) -> ast.AST:
    field, place = path
    part = getattr(node, field)
    if place is not None:
        part = part[place]
    return part.value if field == "func" else part


def _replace(number: int, path: tuple[str, int | None]) -> _Edit:
    def edit(tree: ast.Module) -> None:
        old = _nodes(tree)[number]
        _Replacer(old, _at(old, path)).visit(tree)

    return edit


class _Replacer(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self._old, self._new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        return self._new if node is self._old else self.generic_visit(node)
