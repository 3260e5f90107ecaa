"""Turns the source of a kernel into Python that means what Triton's compiler would make of it.

In: a plain Python function, the body of a `@triton.jit` kernel or helper, whose source `inspect` can find.
Out: a code object of the same name, file, lines and columns, so that tracebacks show the kernel's own text.
The code refers to one extra global, `RUNTIME`, a `runtime.Runtime`. What changes is what Triton reads differently
from Python: an assigned number becomes a scalar tensor, `and`, `or` and `not` work on blocks, shapes are plain numbers.
Assumed: names of enclosing functions are supplied as globals, since the code has no closure.
"""

import ast
import inspect
from collections.abc import Callable
from functools import lru_cache
from types import CodeType
from typing import Any, Final, cast

RUNTIME: Final = "_interpreted_"

# Triton gives these attributes as `constexpr`, whose arithmetic with tensors works only in its compiler.
_COMPILE_TIME_ATTRIBUTES: Final = frozenset({"shape", "numel"})


@lru_cache(maxsize=1024)
def rewritten_code(function: Callable[..., Any]) -> CodeType:
    """The code object of a kernel function, rewritten for interpretation; remembered per function."""
    definition = _definition(function)
    definition.decorator_list = []
    definition.returns = None
    definition.args.defaults = []
    definition.args.kw_defaults = [None] * len(definition.args.kwonlyargs)
    parameters = definition.args
    for parameter in (*parameters.posonlyargs, *parameters.args, *parameters.kwonlyargs):
        parameter.annotation = None
    module = ast.Module(body=[_TritonSemantics().visit(definition)], type_ignores=[])
    compiled = compile(ast.fix_missing_locations(module), function.__code__.co_filename, "exec")
    return next(constant for constant in compiled.co_consts if isinstance(constant, CodeType))


def _definition(function: Callable[..., Any]) -> ast.FunctionDef:
    try:
        lines, first = inspect.getsourcelines(function)
    except (OSError, TypeError) as error:
        raise ValueError(
            f"cannot interpret {function.__qualname__!r}: its source was not found. Define it in a file, "
            "or register the text in `linecache` under the file name it was compiled with"
        ) from error
    source, shift = "".join(lines), first - 1
    if lines[0][0].isspace():
        # An indented definition keeps its columns under a block of its own.
        source, shift = "if True:\n" + source, shift - 1
    tree = ast.parse(source)
    ast.increment_lineno(tree, shift)
    return next(
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name == function.__name__
    )


class _TritonSemantics(ast.NodeTransformer):
    """Rewrites expressions whose meaning in Triton is not Python's."""

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        self.generic_visit(node)
        node.value = _call("assigned", node.value)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        is_constant = "constexpr" in ast.unparse(node.annotation)
        self.generic_visit(node)
        if node.value is not None:
            node.value = _call("known" if is_constant else "assigned", node.value)
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        self.generic_visit(node)
        first, *others = node.values
        name = "every" if isinstance(node.op, ast.And) else "some"
        return _call(name, first, *(_thunk(other) for other in others))

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        return _call("negated", node.operand) if isinstance(node.op, ast.Not) else node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        is_read = isinstance(node.ctx, ast.Load)
        return _call("known", node) if is_read and node.attr in _COMPILE_TIME_ATTRIBUTES else node


def _call(name: str, first: ast.expr, *others: ast.expr) -> ast.expr:
    runtime = ast.copy_location(ast.Name(RUNTIME, ast.Load()), first)
    attribute = ast.copy_location(ast.Attribute(runtime, name, ast.Load()), first)
    return ast.copy_location(ast.Call(attribute, [first, *others], []), first)


def _thunk(value: ast.expr) -> ast.expr:
    nothing = ast.arguments(
        posonlyargs=[], args=[], vararg=None, kwonlyargs=[], kw_defaults=[], kwarg=None, defaults=[]
    )
    return cast("ast.expr", ast.copy_location(ast.Lambda(nothing, value), value))
