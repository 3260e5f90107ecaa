"""A source without what leads to none of its results."""

from __future__ import annotations

import ast


def pruned(source: str, *results: str) -> str:
    """The source without stores to other results, and without names that nothing reads then.

    ``results`` are those that it returns if none is given.
    """
    tree = ast.parse(source)
    wanted = set(results) or _returned(tree)
    while True:
        read = {
            node.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        }
        changed = _Pruner(wanted, read)
        tree = changed.visit(tree)
        if not changed.removed:
            return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def _returned(tree: ast.Module) -> set[str]:
    return {
        name.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Return) and node.value is not None
        for name in ast.walk(node.value)
        if isinstance(name, ast.Name)
    }


class _Pruner(ast.NodeTransformer):
    def __init__(self, results: set[str], read: set[str]) -> None:
        self._results = results
        self._read = read
        self.removed = False

    def visit_Return(self, node: ast.Return) -> ast.AST:
        if isinstance(node.value, ast.Tuple):
            node.value.elts = [one for one in node.value.elts if self._is_wanted(one)]
        return node

    def _is_wanted(self, returned: ast.expr) -> bool:
        names = {one.id for one in ast.walk(returned) if isinstance(one, ast.Name)}
        return not names or not names.isdisjoint(self._results)

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        return self._kept(node, node.targets[0])

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST | None:
        return self._kept(node, node.target)

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        match node.value:
            case ast.Call(args=[ast.Name(id=name), *_]) if name.startswith("out"):
                return self._unless(node, name not in self._results)
        return node

    def visit_For(self, node: ast.For) -> ast.AST | None:
        return self._unless_empty(node, node.body)

    def visit_If(self, node: ast.If) -> ast.AST | None:
        return self._unless_empty(node, [*node.body, *node.orelse])

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST | None:
        self.generic_visit(node)
        return self._unless(node, node.name != "kernel" and node.name not in self._read)

    def _unless_empty(self, node: ast.For | ast.If, body: list[ast.stmt]) -> ast.AST | None:
        self.generic_visit(node)
        return self._unless(node, all(isinstance(one, ast.Pass) for one in body))

    def _kept(self, node: ast.AST, target: ast.expr) -> ast.AST | None:
        match target:
            case ast.Subscript(value=ast.Name(id=name)):
                return self._unless(node, name.startswith("out") and name not in self._results)
            case ast.Name(id=name):
                return self._unless(node, name not in self._read)
        return node

    def _unless(self, node: ast.AST, useless: bool) -> ast.AST | None:
        if not useless:
            return node
        self.removed = True
        return None

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if isinstance(node, ast.For | ast.If | ast.While) and not node.body:
            node.body.append(ast.Pass())
        return node
