"""Rewrite a function so that each ``for`` becomes a call of a handler.

In: a plain Python function. Out: a :class:`StagedFunction` with the same parameters, compiled under
the author's file name and line numbers. Assumed: its source can be read. What an iterable means is
decided when the staged function runs:

    for i, t in xs:                 def _helion_body_1(_helion_item, acc, i, t):
        acc = acc + t                   i, t = _helion_item
                                        acc = acc + t
                                        return _helion_.names(("acc", "i", "t"), locals())
                                    acc, i, t = _helion_.loop(xs, _helion_body_1, ("acc", "i", "t"), locals(), 2)

A loop that ``break``, ``continue`` or ``return`` leaves, or that has an ``else``, stays a Python
loop; only its iterable is shown to the handler, which refuses tiles there.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from helion import exc
from helion_compiler.staging.names import UNBOUND, assigned_names, statement_that_leaves

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from helion.exc import Span

_HANDLER = "_helion_"


class LoopHandler(Protocol):
    """What staged code calls."""

    def loop(
        self,
        iterable: object,
        body: Callable[..., tuple[Any, ...]],
        names: Sequence[str],
        scope: Mapping[str, Any],
        targets: int | None,
    ) -> tuple[Any, ...]:
        """Run a loop; returns the values of ``names`` after it.

        ``targets`` is how many names each item is unpacked to; None if it is not, or to any number.
        """

    def python_loop(
        self, iterable: object, reason: str, place: tuple[int, int, int, int] | None
    ) -> Iterable[Any]:
        """The iterable of a loop that has to stay Python's; raises if it is a tile loop.

        ``place`` says where the statement stands that leaves the loop: line, column, end line, end
        column.
        """


@attrs.frozen(eq=False)
class _Handler:
    """The object that staged code knows under the name ``_helion_``."""

    loops: LoopHandler
    UNBOUND: object = UNBOUND

    def loop(self, *args: Any) -> tuple[Any, ...]:
        return self.loops.loop(*args)

    def python_loop(self, *args: Any) -> Iterable[Any]:
        return self.loops.python_loop(*args)

    @staticmethod
    def names(names: Sequence[str], scope: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(scope.get(name, UNBOUND) for name in names)


@attrs.frozen(eq=False)
class StagedFunction:
    """Staged code, not yet bound to globals, closure or handler."""

    function: Callable[..., Any]
    code: Any
    factory: str
    filename: str
    returns: Span | None = None
    """The function's last ``return``, for errors about what it returns."""

    def bind(
        self, loops: LoopHandler, captures: Mapping[str, object], globals_: Mapping[str, object]
    ) -> Callable[..., Any]:
        """The staged function, calling ``loops``. ``captures`` and ``globals_`` replace names it reads."""
        namespace = {**self.function.__globals__, **globals_, _HANDLER: _Handler(loops)}
        exec(self.code, namespace)
        cells = inspect.getclosurevars(self.function).nonlocals
        free = [captures.get(name, cells.get(name)) for name in self.function.__code__.co_freevars]
        staged: Callable[..., Any] = namespace[self.factory](*free)
        staged.__defaults__ = self.function.__defaults__
        staged.__kwdefaults__ = self.function.__kwdefaults__
        return staged


class _Loops(ast.NodeTransformer):
    """Replaces the ``for`` statements of one function."""

    def __init__(self) -> None:
        self._count = 0

    def visit_For(self, node: ast.For) -> ast.stmt | list[ast.stmt]:
        leaving = statement_that_leaves(node.body)
        if leaving is not None or node.orelse:
            reason = type(leaving).__name__.lower() if leaving is not None else "else"
            place = None if leaving is None else _place(leaving)
            call = f"{_HANDLER}.python_loop(None, {reason!r}, {place!r})"
            wrapped = ast.parse(call, mode="eval").body
            assert isinstance(wrapped, ast.Call)
            _at(wrapped, node.iter)
            wrapped.args[0] = node.iter
            node.iter = wrapped
            self.generic_visit(node)
            return node
        names = assigned_names(node.body, node.target)
        self._count += 1
        body_name = f"_helion_body_{self._count}"
        self.generic_visit(node)
        return [
            self._body_function(node, body_name, names),
            self._call(node, body_name, names),
            *_forget_unbound(names, node),
        ]

    def _body_function(self, node: ast.For, name: str, names: Sequence[str]) -> ast.stmt:
        parameters = ", ".join(("_helion_item", *names))
        template = ast.parse(
            f"def {name}({parameters}):\n    return {_HANDLER}.names({tuple(names)!r}, locals())"
        ).body[0]
        assert isinstance(template, ast.FunctionDef)
        assign = ast.Assign(targets=[node.target], value=ast.Name("_helion_item", ast.Load()))
        ast.copy_location(assign.value, node.target)
        ast.copy_location(assign, node.target)
        result = template.body[0]
        template.body = []
        _at(template, node)
        template.body = [*_forget_unbound(names, node), assign, *node.body, _at(result, node)]
        return template

    def _call(self, node: ast.For, body_name: str, names: Sequence[str]) -> ast.stmt:
        targets = "".join(f"{name}, " for name in names)
        template = ast.parse(
            f"({targets}) = {_HANDLER}.loop(None, {body_name}, {tuple(names)!r}, locals(), "
            f"{_targets(node.target)})"
        ).body[0]
        assert isinstance(template, ast.Assign)
        call = template.value
        assert isinstance(call, ast.Call)
        _at(template, node.iter)
        call.args[0] = node.iter
        return template

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        return node


def _targets(target: ast.expr) -> int | None:
    if not isinstance(target, ast.Tuple | ast.List):
        return None
    starred = any(isinstance(entry, ast.Starred) for entry in target.elts)
    return None if starred else len(target.elts)


def _place(node: ast.stmt) -> tuple[int, int, int, int]:
    end_line, end_column = node.end_lineno, node.end_col_offset
    assert end_line is not None
    assert end_column is not None
    return node.lineno, node.col_offset, end_line, end_column


def _last_return(definition: ast.FunctionDef, filename: str) -> Span | None:
    """Where a function's last ``return`` stands, those of functions inside it aside."""
    found = [node for node in _own_nodes(definition) if isinstance(node, ast.Return)]
    return exc.Span(filename, *_place(max(found, key=_place))) if found else None


def _own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from _own_nodes(child)


def _forget_unbound(names: Sequence[str], node: ast.AST) -> list[ast.stmt]:
    """Statements that leave a name unbound, as Python would, where it has no value."""
    text = "\n".join(f"if {name} is {_HANDLER}.UNBOUND: del {name}" for name in names)
    return [_at(statement, node) for statement in ast.parse(text).body]


def _at(new: Any, old: ast.AST) -> Any:
    """Give a whole new subtree the position of an old node."""
    for child in ast.walk(new):
        if "lineno" in child._attributes:
            ast.copy_location(child, old)
    return new


def stage(function: Callable[..., Any]) -> StagedFunction:
    """Stage ``function``.

    Raises:
        helion.exc.StatementNotSupported: its source cannot be read, or it is a generator or coroutine.
    """
    try:
        lines, first_line = inspect.getsourcelines(function)
    except (OSError, TypeError) as error:
        raise exc.StatementNotSupported(
            statement=function.__qualname__,
            remedy="define the kernel in a file: its source has to be readable",
        ) from error
    source = "".join(lines)
    dedented = textwrap.dedent(source)
    indent = len(lines[0]) - len(lines[0].lstrip())
    definition = ast.parse(dedented).body[0]
    if not isinstance(definition, ast.FunctionDef):
        raise exc.StatementNotSupported(
            statement=type(definition).__name__, remedy="define the kernel with a plain `def`"
        )
    _shift_columns(definition, indent)
    ast.increment_lineno(definition, first_line - 1)
    definition.decorator_list = []
    definition.returns = None
    for argument in ast.walk(definition.args):
        if isinstance(argument, ast.arg):
            argument.annotation = None
    definition.args.defaults = [_at(ast.Constant(None), node) for node in definition.args.defaults]
    definition.args.kw_defaults = [
        None if node is None else _at(ast.Constant(None), node)
        for node in definition.args.kw_defaults
    ]
    filename = inspect.getsourcefile(function) or function.__code__.co_filename
    returns = _last_return(definition, filename)
    _Loops().generic_visit(definition)
    factory = _factory(definition, function.__code__.co_freevars)
    code = compile(ast.fix_missing_locations(ast.Module([factory], [])), filename, "exec")
    return StagedFunction(
        function=function, code=code, factory=factory.name, filename=filename, returns=returns
    )


def _shift_columns(tree: ast.AST, indent: int) -> None:
    """Columns as in the file, so that carets point at the right characters."""
    for node in ast.walk(tree):
        if "lineno" in node._attributes:
            node.col_offset += indent  # type: ignore[attr-defined]  # every located node has columns
            if node.end_col_offset is not None:  # type: ignore[attr-defined]  # as above
                node.end_col_offset += indent  # type: ignore[attr-defined]  # as above


def _factory(definition: ast.FunctionDef, free: Sequence[str]) -> ast.FunctionDef:
    """A function of the closure's names that returns the staged function."""
    template = ast.parse(
        f"def _helion_factory_({', '.join(free)}):\n    return {definition.name}"
    ).body[0]
    assert isinstance(template, ast.FunctionDef)
    template.body.insert(0, definition)
    return template
