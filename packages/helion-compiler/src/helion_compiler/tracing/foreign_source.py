"""The source of Triton that authors write or name: checked, and with all that it needs.

In: statements with ``{0}`` or ``{name}`` in them, functions decorated with ``triton.jit``, or their source. Out:
source that stands on its own in a generated module.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from triton import JITFunction
from triton.language import constexpr

from helion import exc
from helion_compiler.program.foreign_ops import ForeignFunction
from helion_compiler.tracing.location import here

if TYPE_CHECKING:
    from collections.abc import Mapping

_SUPPLIED = ("tl", "triton")
"""What every generated module imports."""


def inline_source(
    template: Any, given: Mapping[str, Any], *, needs_value: bool
) -> tuple[str, dict[str, str]]:
    """Statements in which names stand for arguments, and which argument is called how.

    Raises:
        helion.exc.InvalidAPIUsage: it is no Python, mentions arguments that are not there, or ends without a value.
    """
    if not isinstance(template, str):
        raise _wrong("inline_triton", f"the source is a {type(template).__name__}", "give a string")
    names = {key: f"_argument_{key}" for key in given}
    positional = [names[key] for key in names if key.isdigit()]
    keywords = {key: name for key, name in names.items() if not key.isdigit()}
    try:
        source = textwrap.dedent(template).strip().format(*positional, **keywords)
    except (KeyError, IndexError, ValueError) as error:
        raise _wrong(
            "inline_triton",
            f"the source mentions an argument that is not there: {error}",
            f"arguments are {', '.join(f'`{{{key}}}`' for key in given) or 'none'}; "
            "write braces of its own twice",
        ) from error
    tree = _parsed("inline_triton", source)
    if needs_value and not (tree.body and isinstance(tree.body[-1], ast.Expr)):
        raise _wrong(
            "inline_triton",
            "the source does not end with an expression",
            "make its last line the value, or give `output_like=None`",
        )
    return source, names


def foreign_function(given: Any) -> ForeignFunction:
    """A Triton function with what it calls and mentions.

    Raises:
        helion.exc.InvalidAPIUsage: this is no Triton function, or reads what cannot be written down.
    """
    if isinstance(given, JITFunction):
        return _Collector().function(given)
    if isinstance(given, str):
        tree = _parsed("triton_kernel", textwrap.dedent(given))
        found = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
        if len(found) == 1:
            return ForeignFunction(found[0].name, _bare(found[0]))
    raise _wrong(
        "triton_kernel",
        f"a {type(given).__name__} is no Triton function",
        "give a function decorated with `triton.jit`, or the source of one",
    )


class _Collector:
    """Takes each function once, however often it is called."""

    def __init__(self) -> None:
        self._functions: dict[int, ForeignFunction] = {}

    def function(self, given: JITFunction[Any]) -> ForeignFunction:
        python: Any = given.fn
        if id(python) not in self._functions:
            (definition,) = ast.parse(textwrap.dedent(inspect.getsource(python))).body
            assert isinstance(definition, ast.FunctionDef)
            lines: list[str] = []
            functions: dict[str, ForeignFunction] = {}
            for name, value in _mentioned(python).items():
                if isinstance(value, JITFunction) and value.fn is not python:
                    functions[name] = self.function(value)
                elif not isinstance(value, JITFunction):
                    lines += _line(name, value)
            self._functions[id(python)] = ForeignFunction(
                definition.name, _bare(definition), tuple(lines), functions
            )
        return self._functions[id(python)]


def _mentioned(function: FunctionType) -> dict[str, Any]:
    """The globals and closure variables that a function reads, by name."""
    found = inspect.getclosurevars(function)
    return {**found.globals, **found.nonlocals}


def _line(name: str, value: Any) -> list[str]:
    """What makes a name mean a value in another module."""
    if name in _SUPPLIED and isinstance(value, ModuleType):
        return []
    if isinstance(value, ModuleType):
        return [f"import {value.__name__} as {name}"]
    plain = value.value if isinstance(value, constexpr) else value
    if isinstance(plain, bool | int | float | str):
        return [f"{name} = tl.constexpr({plain!r})"]
    module, original = getattr(value, "__module__", None), getattr(value, "__name__", None)
    if isinstance(module, str) and module.startswith("triton") and original:
        return [f"from {module} import {original} as {name}"]
    raise _wrong(
        "triton_kernel",
        f"the function reads `{name}`, a {type(value).__name__} of its module",
        "pass it as an argument; Triton functions read functions, numbers and strings only",
    )


def _bare(definition: ast.FunctionDef) -> str:
    definition.decorator_list = []
    return ast.unparse(definition)


def _parsed(function: str, source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except SyntaxError as error:
        raise _wrong(
            function, f"the source is no Python: {error.msg}", "write statements of Triton"
        ) from error


def _wrong(function: str, problem: str, remedy: str) -> exc.InvalidAPIUsage:
    return exc.InvalidAPIUsage(span=here(), function=function, problem=problem, remedy=remedy)
