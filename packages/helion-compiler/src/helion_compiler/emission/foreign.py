"""Prints, breakpoints, and code in other languages."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

import sympy

from helion_compiler.emission.dtypes import dtype_text
from helion_compiler.emission.held import complete, define_complete, held
from helion_compiler.emission.numbers import number_text
from helion_compiler.program.types import Value
from helion_compiler.torch_bridge.pointwise import IMPORTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helion_compiler.emission.context import EmissionContext
    from helion_compiler.program.foreign_ops import (
        Breakpoint,
        CallTriton,
        ForeignFunction,
        InlineAssembly,
        InlineTriton,
        Print,
    )


def emit_print(context: EmissionContext, op: Print) -> None:
    """``tl.device_print``."""
    values = [context.use(value) for value in op.values]
    context.writer.line(f"tl.device_print({', '.join([repr(op.prefix), *values])})")


def emit_breakpoint(context: EmissionContext, _op: Breakpoint) -> None:
    """Python's own: the kernel is interpreted."""
    context.writer.line("breakpoint()")


def emit_inline(context: EmissionContext, op: InlineTriton) -> None:
    """The author's statements, with names of their own."""
    tree = ast.parse(op.source)
    context.uses |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} & set(
        IMPORTS
    )
    names: dict[str, ast.expr] = {
        node.id: ast.Name(context.writer.name(node.id))
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    for name, argument in op.arguments.items():
        names[name] = ast.parse(_argument(context, argument), mode="eval").body
    renamed = ast.fix_missing_locations(_Renamer(names).visit(tree))
    *statements, last = renamed.body
    for statement in statements:
        _lines(context, ast.unparse(statement))
    if op.results:
        _define_results(context, op.results, ast.unparse(last))
    else:
        _lines(context, ast.unparse(last))


def emit_call(context: EmissionContext, op: CallTriton) -> None:
    """A call of the function, whose source goes before the kernel."""
    name = _function(context, op.function)
    arguments = [_argument(context, argument) for argument in op.arguments]
    arguments += [f"{key}={_argument(context, value)}" for key, value in op.keywords.items()]
    _define_results(context, op.results, f"{name}({', '.join(arguments)})")


def _define_results(context: EmissionContext, results: tuple[Value, ...], text: str) -> None:
    """Assign what the author's code gives, which has all dimensions; ours hold those of several lanes."""
    if len(results) == 1:
        define_complete(context, results[0], text)
        return
    context.define_all(results, text)
    for value in results:
        if len(held(context, value.type.shape)) != len(value.type.shape):
            define_complete(context, value, context.use(value))


def emit_assembly(context: EmissionContext, op: InlineAssembly) -> None:
    """``tl.inline_asm_elementwise``."""
    dtypes = [dtype_text(value.type.dtype) for value in op.results]
    dtype = dtypes[0] if len(dtypes) == 1 else f"({', '.join(dtypes)})"
    operands = ", ".join(complete(context, value) for value in op.operands)
    _define_results(
        context,
        op.results,
        f"tl.inline_asm_elementwise({op.assembly!r}, {op.constraints!r}, [{operands}], "
        f"dtype={dtype}, is_pure={op.pure}, pack={op.pack})",
    )


def _lines(context: EmissionContext, text: str) -> None:
    for line in text.splitlines():
        context.writer.line(line)


def _argument(context: EmissionContext, argument: Any) -> str:
    match argument:
        case Value():
            return complete(context, argument)
        case sympy.Basic():
            return f"({context.text(argument)})"
        case tuple():
            return f"({', '.join(_argument(context, item) for item in argument)},)"
        case str() | None:
            return repr(argument)
        case _:
            return number_text(argument)


def _function(context: EmissionContext, function: ForeignFunction) -> str:
    """The name of a function in the kernel's source, where it is written once."""
    if function not in context.foreign:
        context.foreign[function] = context.writer.name(function.name)
        names = {alias: _function(context, other) for alias, other in function.functions.items()}
        tree = _rename(
            ast.parse(function.source), {**names, function.name: context.foreign[function]}
        )
        context.lines |= dict.fromkeys(function.lines)
        context.functions.append(f"@triton.jit\n{ast.unparse(tree)}\n")
    return context.foreign[function]


def _rename(tree: ast.Module, names: Mapping[str, str]) -> ast.AST:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.name = names.get(node.name, node.name)
    renamed: ast.AST = _Renamer({old: ast.Name(new) for old, new in names.items()}).visit(tree)
    return ast.fix_missing_locations(renamed)


class _Renamer(ast.NodeTransformer):
    """Puts expressions in place of names."""

    def __init__(self, names: Mapping[str, ast.expr]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """A name, or what it stands for."""
        return self._names.get(node.id, node)
