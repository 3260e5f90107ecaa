"""Guard each statement of a function, so that a run of it survives a mistake and comes to the others.

    a = f(b)        try:
                        _helion_guards_.need(("f", "b"), locals(), globals())
                        a = f(b)
                    except Exception:
                        (a,) = _helion_guards_.failed(1, ("f", "b"), locals(), globals())

``need`` raises where a statement reads what a failed one should have made; ``failed`` says what the names hold
that the statement binds. Statements inside of loops and branches are guarded each; what ``break``, ``continue``
or ``return`` leaves is guarded as a whole, since a skipped statement could keep a loop from ending.

In: a function's definition, not yet rewritten. Out: the same node, changed.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from helion_compiler.staging.names import assigned_names, statements_that_leave

if TYPE_CHECKING:
    from collections.abc import Sequence

GUARDS = "_helion_guards_"
_UNGUARDED = (ast.Break, ast.Continue, ast.Pass, ast.Global, ast.Nonlocal)


def guard_statements(definition: ast.FunctionDef) -> None:
    """Guard the statements of ``definition`` in place, those of functions inside it aside."""
    definition.body = _guarded_body(definition.body)


def _guarded_body(statements: Sequence[ast.stmt]) -> list[ast.stmt]:
    return [new for statement in statements for new in _guarded(statement)]


def _guarded(statement: ast.stmt) -> list[ast.stmt]:
    if isinstance(statement, _UNGUARDED) or _is_docstring(statement):
        return [statement]
    reads = _names_read(_head(statement))
    need = _call("need", f"{reads!r}, locals(), globals()")
    if isinstance(statement, ast.Return):
        return [_placed(ast.Expr(need), statement), statement]
    binds = assigned_names([statement])
    failed = _call("failed", f"{len(binds)}, {reads!r}, locals(), globals()")
    targets = ast.Tuple([ast.Name(name, ast.Store()) for name in binds], ast.Store())
    after = ast.Assign([targets], failed) if binds else ast.Expr(failed)
    handler = ast.ExceptHandler(ast.Name("Exception", ast.Load()), None, [after])
    frame = ast.Try([ast.Expr(need)], [handler], [], [])
    _placed(frame, statement)
    _descend(statement)
    frame.body.append(statement)
    return [frame]


def _head(statement: ast.stmt) -> ast.AST:
    """What a statement reads before any other statement inside it is guarded."""
    if not _is_divided(statement):
        return statement
    return statement.iter if isinstance(statement, ast.For) else statement.test  # type: ignore[attr-defined]  # an if or a while


def _descend(statement: ast.stmt) -> None:
    if _is_divided(statement):
        for part in ("body", "orelse"):
            setattr(statement, part, _guarded_body(getattr(statement, part)))


def _is_divided(statement: ast.stmt) -> bool:
    """Whether the statements inside one are guarded by themselves."""
    if isinstance(statement, ast.For | ast.While):
        return not statement.orelse and not statements_that_leave(statement.body)
    if isinstance(statement, ast.If):
        return not statements_that_leave([*statement.body, *statement.orelse])
    return False


def _names_read(node: ast.AST) -> tuple[str, ...]:
    """The names that a statement may read, functions inside it included.

    What it changes in place is read; what a loop is given by its iterable is not.
    """
    names = {
        child.id: None
        for child in ast.walk(node)
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Load)
    }
    match node:
        case ast.AugAssign(target=ast.Name(id=name)):
            names[name] = None
        case ast.For(target=target):
            for name in assigned_names([], target):
                names.pop(name, None)
    return tuple(names)


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _call(method: str, arguments: str) -> ast.expr:
    return ast.parse(f"{GUARDS}.{method}({arguments})", mode="eval").body


def _placed(new: ast.stmt, old: ast.stmt) -> ast.stmt:
    for child in ast.walk(new):
        ast.copy_location(child, old)
    return new
