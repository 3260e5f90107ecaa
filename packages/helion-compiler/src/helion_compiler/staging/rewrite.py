"""Rewrite control flow into calls of a handler.

    for i, t in xs:                 def _helion_body_1(_helion_item, acc, i, t):
        acc = acc + t                   i, t = _helion_item
                                        acc = acc + t
                                        return _helion_.names(("acc", "i", "t"), locals())
                                    acc, i, t = _helion_.loop(xs, _helion_body_1, ("acc", "i", "t"), locals(), 2)

    if c:                           def _helion_then_2(acc): …
        acc = acc + 1               def _helion_else_2(acc): …
                                    (acc,) = _helion_.branch(c, _helion_then_2, _helion_else_2, ("acc",), locals())

    while c:                        def _helion_test_3(acc): return c
        acc = acc + 1               def _helion_body_3(acc): …
                                    (acc,) = _helion_.repeat(_helion_test_3, _helion_body_3, ("acc",), locals())

    a if c else b                   _helion_.choose(c, lambda: a, lambda: b)
    a and b, a or b, not a          _helion_.every(lambda: a, lambda: b), .either(…), .negate(a)
    f(a, b)                         _helion_.call(f, a, b)

What ``break``, ``continue`` or ``return`` leaves, and a loop with an ``else``, stays Python's own; only its
iterable or condition is shown to the handler, which refuses what the device decides.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from helion_compiler.staging.guard_statements import GUARDS
from helion_compiler.staging.names import assigned_names, statements_that_leave

if TYPE_CHECKING:
    from collections.abc import Sequence

HANDLER = "_helion_"
_FRAME_READERS = frozenset({"super", "locals", "globals", "vars", "dir", "eval", "exec"})
_BOOL_OPERATORS = {ast.And: "every", ast.Or: "either"}


class ControlFlow(ast.NodeTransformer):
    """Replaces the control flow of one function; functions inside it are rewritten with it."""

    def __init__(self) -> None:
        self._count = 0

    # Statements.

    def visit_For(self, node: ast.For) -> ast.stmt | list[ast.stmt]:
        """A loop over an iterable."""
        leaving = statements_that_leave(node.body)
        if leaving or node.orelse:
            node.iter = _shown(node.iter, "python_loop", leaving)
            self.generic_visit(node)
            return node
        names = assigned_names(node.body, node.target)
        body = self._name("body")
        self.generic_visit(node)
        assign = ast.Assign(targets=[node.target], value=ast.Name("_helion_item", ast.Load()))
        ast.copy_location(assign.value, node.target)
        ast.copy_location(assign, node.target)
        call = _assign(
            names,
            f"loop(None, {body}, {names!r}, locals(), {_targets(node.target)})",
            node.iter,
        )
        _argument(call, 0, node.iter)
        function = _function(body, ("_helion_item", *names), names, [assign, *node.body], node)
        return [function, call, *_forget_unbound(names, node)]

    def visit_If(self, node: ast.If) -> ast.stmt | list[ast.stmt]:
        """A choice between statements."""
        leaving = statements_that_leave([*node.body, *node.orelse])
        if leaving:
            node.test = _shown(node.test, "python_condition", leaving)
            self.generic_visit(node)
            return node
        names = assigned_names([*node.body, *node.orelse])
        then, otherwise = self._name("then"), self._name("else")
        self.generic_visit(node)
        call = _assign(names, f"branch(None, {then}, {otherwise}, {names!r}, locals())", node.test)
        _argument(call, 0, node.test)
        return [
            _function(then, names, names, node.body, node),
            _function(otherwise, names, names, node.orelse, node),
            call,
            *_forget_unbound(names, node),
        ]

    def visit_While(self, node: ast.While) -> ast.stmt | list[ast.stmt]:
        """A loop under a condition."""
        leaving = statements_that_leave(node.body)
        if leaving or node.orelse:
            node.test = _shown(node.test, "python_condition", leaving)
            self.generic_visit(node)
            return node
        names = assigned_names(node.body)
        test, body = self._name("test"), self._name("body")
        self.generic_visit(node)
        ending = ast.copy_location(ast.Return(node.test), node.test)
        condition = _function(test, names, None, [ending], node)
        call = _assign(names, f"repeat({test}, {body}, {names!r}, locals())", node.test)
        return [
            condition,
            _function(body, names, names, node.body, node),
            call,
            *_forget_unbound(names, node),
        ]

    # Expressions.

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        """A choice between expressions."""
        self.generic_visit(node)
        if _binds(node):
            return node
        return _call("choose", node, [node.test, _delayed(node.body), _delayed(node.orelse)])

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        """``and`` and ``or``."""
        self.generic_visit(node)
        if _binds(node):
            return node
        return _call(_BOOL_OPERATORS[type(node.op)], node, [_delayed(v) for v in node.values])

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        """``not``."""
        self.generic_visit(node)
        return _call("negate", node, [node.operand]) if isinstance(node.op, ast.Not) else node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Every call, but of what looks at the frame that calls it."""
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id in _FRAME_READERS:
            return node
        if _is_ours(node.func):
            return node
        call = _call("call", node, [node.func, *node.args])
        call.keywords = node.keywords
        return call

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        """A chain ``a < b < c`` of names and numbers, which Python would ask for a bool halfway."""
        plain = all(isinstance(c, ast.Name | ast.Constant) for c in node.comparators[:-1])
        if len(node.ops) > 1 and plain:
            lefts = [node.left, *node.comparators[:-1]]
            links: list[ast.expr] = [
                ast.copy_location(ast.Compare(left, [operator], [right]), node)
                for left, operator, right in zip(lefts, node.ops, node.comparators, strict=True)
            ]
            return self.visit_BoolOp(ast.copy_location(ast.BoolOp(ast.And(), links), node))
        self.generic_visit(node)
        return node

    def _name(self, role: str) -> str:
        self._count += 1
        return f"_helion_{role}_{self._count}"


def _is_ours(function: ast.expr) -> bool:
    """Whether a call is one of the handler already."""
    return (
        isinstance(function, ast.Attribute)
        and isinstance(function.value, ast.Name)
        and function.value.id in (HANDLER, GUARDS)
    )


def _binds(node: ast.AST) -> bool:
    """Whether an expression binds or suspends, which may not move into a lambda."""
    kinds = (ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)
    return any(isinstance(child, kinds) for child in ast.walk(node))


def _delayed(expression: ast.expr) -> ast.expr:
    template = ast.parse("lambda: None", mode="eval").body
    assert isinstance(template, ast.Lambda)
    _at(template, expression)
    template.body = expression
    return template


def _call(method: str, node: ast.expr, arguments: Sequence[ast.expr]) -> ast.Call:
    call = ast.parse(f"{HANDLER}.{method}()", mode="eval").body
    assert isinstance(call, ast.Call)
    _at(call, node)
    call.args = list(arguments)
    return call


def _shown(expression: ast.expr, method: str, leaving: Sequence[ast.stmt]) -> ast.expr:
    """An iterable or condition that the handler sees, with the statements that keep it Python's: none for an
    ``else``.
    """
    reasons = tuple((type(node).__name__.lower(), place(node)) for node in leaving)
    call = ast.parse(f"{HANDLER}.{method}(None, {reasons!r})", mode="eval").body
    assert isinstance(call, ast.Call)
    _at(call, expression)
    call.args[0] = expression
    return call


def _function(
    name: str,
    parameters: Sequence[str],
    names: Sequence[str] | None,
    body: list[ast.stmt],
    node: ast.AST,
) -> ast.stmt:
    """A function of ``parameters`` with this body, which returns the values of ``names``."""
    template = ast.parse(
        f"def {name}({', '.join(parameters)}):\n    return {HANDLER}.names({names!r}, locals())"
    ).body[0]
    assert isinstance(template, ast.FunctionDef)
    result = template.body.pop()
    _at(template, node)
    unbound = [parameter for parameter in parameters if parameter != "_helion_item"]
    ending = [] if names is None else [_at(result, node)]
    template.body = [*_forget_unbound(unbound, node), *body, *ending]
    return template


def _assign(names: Sequence[str], call: str, node: ast.AST) -> ast.stmt:
    targets = "".join(f"{name}, " for name in names)
    return _at(ast.parse(f"({targets}) = {HANDLER}.{call}").body[0], node)  # type: ignore[no-any-return]  # a statement


def _argument(statement: Any, position: int, expression: ast.expr) -> None:
    statement.value.args[position] = expression


def _targets(target: ast.expr) -> int | None:
    if not isinstance(target, ast.Tuple | ast.List):
        return None
    starred = any(isinstance(entry, ast.Starred) for entry in target.elts)
    return None if starred else len(target.elts)


def place(node: ast.stmt) -> tuple[int, int, int, int]:
    """Where a statement stands: line, column, end line, end column."""
    end_line, end_column = node.end_lineno, node.end_col_offset
    assert end_line is not None
    assert end_column is not None
    return node.lineno, node.col_offset, end_line, end_column


def _forget_unbound(names: Sequence[str], node: ast.AST) -> list[ast.stmt]:
    """Statements that leave a name unbound, as Python would, where it has no value."""
    text = "\n".join(f"if {name} is {HANDLER}.UNBOUND: del {name}" for name in names)
    return [_at(statement, node) for statement in ast.parse(text).body]


def _at(new: Any, old: ast.AST) -> Any:
    """Give a whole generated subtree the position of an old node."""
    for child in ast.walk(new):
        if "lineno" in child._attributes:
            ast.copy_location(child, old)
    return new
