"""Stage a function: rewrite its control flow into calls of a handler, and compile it again.

In: a plain Python function. Out: a :class:`StagedFunction` with the same parameters, compiled under the
author's file name and line numbers. Assumed: its source can be read. What an iterable or a condition means is
decided when the staged function runs, by the :class:`ControlHandler` that it is bound to.
"""

from __future__ import annotations

import ast
import inspect
from typing import TYPE_CHECKING, Any, Protocol

import attrs

from helion import exc
from helion_compiler.staging.guard_statements import GUARDS, guard_statements
from helion_compiler.staging.names import UNBOUND
from helion_compiler.staging.rewrite import HANDLER, ControlFlow, place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from helion.exc import Span

Leaving = tuple[str, tuple[int, int, int, int]]
"""A statement that leaves a body: its keyword, and its line, column, end line and end column."""


class ControlHandler(Protocol):
    """What staged code calls. ``names`` are those that a body assigns, and takes and returns the values of."""

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

    def branch(
        self,
        condition: object,
        then: Callable[..., tuple[Any, ...]],
        otherwise: Callable[..., tuple[Any, ...]],
        names: Sequence[str],
        scope: Mapping[str, Any],
    ) -> tuple[Any, ...]:
        """Run one of two bodies, or on the device both."""

    def repeat(
        self,
        test: Callable[..., object],
        body: Callable[..., tuple[Any, ...]],
        names: Sequence[str],
        scope: Mapping[str, Any],
    ) -> tuple[Any, ...]:
        """Run a body as long as a condition of the same names holds."""

    def choose(
        self, condition: object, then: Callable[[], Any], otherwise: Callable[[], Any]
    ) -> Any:
        """One of two expressions."""

    def every(self, *operands: Callable[[], Any]) -> Any:
        """``and``."""

    def either(self, *operands: Callable[[], Any]) -> Any:
        """``or``."""

    def negate(self, operand: object) -> Any:
        """``not``."""

    def call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """A call of anything."""

    def python_loop(self, iterable: object, leaving: Sequence[Leaving]) -> Iterable[Any]:
        """The iterable of a loop that has to stay Python's; raises if it is a tile loop.

        ``leaving`` are the statements that leave the loop; there is none if it only has an ``else``.
        """

    def python_condition(self, condition: object, leaving: Sequence[Leaving]) -> bool:
        """The condition of a statement that has to stay Python's; raises if the device decides it."""


class Guards(Protocol):
    """What guarded code calls: see :mod:`helion_compiler.staging.guard_statements`."""

    def need(
        self, names: Sequence[str], scope: Mapping[str, Any], globals_: Mapping[str, Any]
    ) -> None:
        """Raise if one of ``names`` holds what a failed statement should have made."""

    def failed(
        self,
        binds: int,
        names: Sequence[str],
        scope: Mapping[str, Any],
        globals_: Mapping[str, Any],
    ) -> tuple[Any, ...]:
        """After a statement that reads ``names`` raised: what the names hold that it binds."""


class _Handler:
    """The object that staged code knows under the name ``_helion_``."""

    UNBOUND = UNBOUND

    def __init__(self, control: ControlHandler) -> None:
        self.loop = control.loop
        self.branch = control.branch
        self.repeat = control.repeat
        self.choose = control.choose
        self.every = control.every
        self.either = control.either
        self.negate = control.negate
        self.call = control.call
        self.python_loop = control.python_loop
        self.python_condition = control.python_condition

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
        self,
        control: ControlHandler,
        captures: Mapping[str, object],
        globals_: Mapping[str, object],
        guards: Guards | None = None,
    ) -> Callable[..., Any]:
        """The staged function, calling ``control``, without its defaults. ``captures`` is what its closure holds;
        ``globals_`` replace other names that it reads.

        ``guards`` are for a function that was staged with its statements guarded.
        """
        namespace = {
            **self.function.__globals__,
            **globals_,
            HANDLER: _Handler(control),
            GUARDS: guards,
        }
        exec(self.code, namespace)
        free = map(captures.get, self.function.__code__.co_freevars)
        staged: Callable[..., Any] = namespace[self.factory](*free)
        return staged


def _last_return(definition: ast.FunctionDef, filename: str) -> Span | None:
    """Where a function's last ``return`` stands, those of functions inside it aside."""
    found = [node for node in _own_nodes(definition) if isinstance(node, ast.Return)]
    return exc.Span(filename, *place(max(found, key=place))) if found else None


def _own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from _own_nodes(child)


def stage(function: Callable[..., Any], *, guarded: bool = False) -> StagedFunction:
    """Stage ``function``; ``guarded`` with a guard around each of its statements.

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
    definition = _definition("".join(lines), first_line)
    if definition is None:
        raise exc.StatementNotSupported(
            statement=function.__name__, remedy="define the kernel with a plain `def`"
        )
    definition.decorator_list = []
    definition.returns = None
    for argument in ast.walk(definition.args):
        if isinstance(argument, ast.arg):
            argument.annotation = None
    definition.args.defaults = [
        ast.copy_location(ast.Constant(None), node) for node in definition.args.defaults
    ]
    definition.args.kw_defaults = [
        None if node is None else ast.copy_location(ast.Constant(None), node)
        for node in definition.args.kw_defaults
    ]
    filename = inspect.getsourcefile(function) or function.__code__.co_filename
    returns = _last_return(definition, filename)
    if guarded:
        guard_statements(definition)
    ControlFlow().generic_visit(definition)
    factory = _factory(definition, function.__code__.co_freevars)
    code = compile(ast.Module([factory], []), filename, "exec")
    return StagedFunction(
        function=function, code=code, factory=factory.name, filename=filename, returns=returns
    )


def _definition(source: str, first_line: int) -> ast.FunctionDef | None:
    """The one function that a source defines; None for a lambda, whose source is the lines around it.

    Lines and columns are those of the file: what stands before the function is empty, but for the block that an
    indented one stands in.
    """
    indented = source[0] in " \t"
    before = "\n" * (first_line - 2) + "if True:\n" if indented else "\n" * (first_line - 1)
    try:
        statement = ast.parse(before + source).body[0]
    except SyntaxError:
        return None
    if indented and isinstance(statement, ast.If):
        statement = statement.body[0]
    return statement if isinstance(statement, ast.FunctionDef) else None


def _factory(definition: ast.FunctionDef, free: Sequence[str]) -> ast.FunctionDef:
    """A function of the closure's names that returns the staged function."""
    template = ast.parse(
        f"def _helion_factory_({', '.join(free)}):\n    return {definition.name}"
    ).body[0]
    assert isinstance(template, ast.FunctionDef)
    template.body.insert(0, definition)
    return template
