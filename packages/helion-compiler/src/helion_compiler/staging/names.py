"""Which names a loop assigns, and the marker for those that have no value yet."""

from __future__ import annotations

import ast


class Unbound:
    """Stands for a name without a value while it crosses a function boundary; never seen by the
    author's code.
    """

    def __repr__(self) -> str:
        return "<unbound>"


UNBOUND = Unbound()


class _AssignedNames(ast.NodeVisitor):
    def __init__(self) -> None:
        self.names: dict[str, None] = {}

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Store | ast.Del):
            self.names.setdefault(node.id)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.names.setdefault(node.name)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.names.setdefault(node.name)

    def visit_import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            self.names.setdefault(alias.asname or alias.name.partition(".")[0])

    visit_Import = visit_import  # noqa: N815  # a name of ast's
    visit_ImportFrom = visit_import  # noqa: N815  # as above

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """A lambda's own names are its own."""

    def visit_comprehension_scope(self, node: ast.AST) -> None:
        """A comprehension's targets are its own; what a walrus binds inside is rare enough to leave
        to Python.
        """

    # ast.NodeVisitor finds methods by the names of node classes.
    visit_ListComp = visit_comprehension_scope  # noqa: N815  # a name of ast's
    visit_SetComp = visit_comprehension_scope  # noqa: N815  # as above
    visit_DictComp = visit_comprehension_scope  # noqa: N815  # as above
    visit_GeneratorExp = visit_comprehension_scope  # noqa: N815  # as above


def assigned_names(statements: list[ast.stmt], target: ast.expr | None = None) -> tuple[str, ...]:
    """The names that statements, and a loop's target before them, assign, in source order."""
    visitor = _AssignedNames()
    if target is not None:
        visitor.visit(target)
    for statement in statements:
        visitor.visit(statement)
    return tuple(visitor.names)


class _LeavesLoop(ast.NodeVisitor):
    def __init__(self) -> None:
        self.found: list[ast.stmt] = []
        self._depth = 0

    def _leave(self, node: ast.stmt) -> None:
        self.found.append(node)

    def visit_Return(self, node: ast.Return) -> None:
        self._leave(node)

    def visit_Break(self, node: ast.Break) -> None:
        if self._depth == 0:
            self._leave(node)

    def visit_Continue(self, node: ast.Continue) -> None:
        if self._depth == 0:
            self._leave(node)

    def visit_inner_loop(self, node: ast.For | ast.While) -> None:
        self._depth += 1
        self.generic_visit(node)
        self._depth -= 1

    visit_For = visit_inner_loop  # noqa: N815  # a name of ast's
    visit_While = visit_inner_loop  # noqa: N815  # as above

    def visit_function(self, node: ast.AST) -> None:
        """A function inside the loop may return as it likes."""

    visit_FunctionDef = visit_function  # noqa: N815  # a name of ast's
    visit_Lambda = visit_function  # noqa: N815  # as above


def statements_that_leave(statements: list[ast.stmt]) -> list[ast.stmt]:
    """Each ``return``, ``break`` or ``continue`` that leaves the body of a loop, in source order."""
    visitor = _LeavesLoop()
    for statement in statements:
        visitor.visit(statement)
    return visitor.found
