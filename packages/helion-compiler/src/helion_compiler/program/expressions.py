"""Size expressions in the runtime's terms and in Triton's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sympy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from helion_compiler.program.types import Size
    from helion_runtime.entries import Expression

_RUNTIME_OPERATORS: dict[str, str] = {
    "Add": "add",
    "Mul": "mul",
    "FloorDiv": "floordiv",
    "CleanDiv": "floordiv",
    "CeilToInt": "ceil",
    "FloorToInt": "floor",
    "TruncToInt": "trunc",
    "ToFloat": "float",
    "floor": "floor",
    "ceiling": "ceil",
    "Abs": "abs",
    "IntTrueDiv": "truediv",
    "FloatTrueDiv": "truediv",
    "FloatPow": "pow",
    "OpaqueUnaryFn_sqrt": "sqrt",
    "OpaqueUnaryFn_exp": "exp",
    "OpaqueUnaryFn_log": "log",
    "OpaqueUnaryFn_log2": "log2",
    "Mod": "mod",
    "PythonMod": "mod",
    "Max": "max",
    "Min": "min",
    "Equality": "eq",
    "Unequality": "ne",
    "StrictLessThan": "lt",
    "LessThan": "le",
    "And": "and",
    "Or": "or",
    "Not": "not",
    "Pow": "pow",
    "PowByNatural": "pow",
}
_MIRRORED = {"StrictGreaterThan": "lt", "GreaterThan": "le"}
_TRITON_INFIX = {
    "Add": " + ",
    "Mul": " * ",
    "FloorDiv": " // ",
    "CleanDiv": " // ",
    "Mod": " % ",
    "PythonMod": " % ",
}
_TRITON_RELATIONS = {
    "Equality": "==",
    "Unequality": "!=",
    "StrictLessThan": "<",
    "LessThan": "<=",
    "StrictGreaterThan": ">",
    "GreaterThan": ">=",
    "And": "and",
    "Or": "or",
}
_TRITON_CALLS = {"Max": "max", "Min": "min"}


def to_runtime(size: Size | sympy.Basic, symbols: Mapping[sympy.Symbol, Expression]) -> Expression:
    """An expression over host symbols as the runtime evaluates it.

    Raises:
        ValueError: it contains a symbol that is not in ``symbols``, or a function that the runtime
            has no word for.
    """
    if isinstance(size, int | float):
        return size
    if isinstance(size, sympy.Integer):
        return int(size)
    if isinstance(size, sympy.Float):
        return float(size)
    if isinstance(size, sympy.Rational):
        return ["truediv", int(size.p), int(size.q)]
    if size is sympy.true or size is sympy.false:
        return bool(size)
    if isinstance(size, sympy.Symbol):
        if size not in symbols:
            raise ValueError(f"{size} is not known on the host")
        return symbols[size]
    name = type(size).__name__.removeprefix("Torch")
    operands = [to_runtime(argument, symbols) for argument in size.args]
    if name in _MIRRORED:
        return [_MIRRORED[name], *reversed(operands)]
    if name in _RUNTIME_OPERATORS:
        return [_RUNTIME_OPERATORS[name], *operands]
    raise ValueError(f"the runtime cannot evaluate {name} in {size}")


def with_numbers(size: sympy.Expr, numbers: Mapping[sympy.Symbol, float]) -> sympy.Expr:
    """``size`` with numbers for those symbols that it mentions and that have one.

    ``subs`` would take them one by one, the many that a call has and ``size`` does not mention among them:
    a kernel of twenty tensors has a hundred, and searches ask for thousands of sizes.
    """
    mentioned = size.free_symbols & numbers.keys()
    return size.xreplace({symbol: sympy.sympify(numbers[symbol]) for symbol in mentioned})


def next_power_of_two(number: int) -> int:
    """The least power of two that is not below ``number``; 1 for 0."""
    return 1 << max(number - 1, 0).bit_length()


def ceil_div(numerator: Size, denominator: Size) -> Size:
    """``⌈numerator / denominator⌉`` for non-negative integers, in the form that every printer knows."""
    if isinstance(numerator, int) and isinstance(denominator, int):
        return -(-numerator // denominator)
    from helion_compiler.torch_bridge.symbolic import floor_div  # sizes alone need no torch

    return floor_div(numerator + denominator - 1, denominator)


def largest(sizes: Sequence[Size]) -> Size:
    """The greatest of several sizes."""
    if len(sizes) == 1:
        return sizes[0]
    known = [size for size in sizes if isinstance(size, int)]
    if len(known) == len(sizes):
        return max(known)
    return sympy.Max(*sizes)


def to_triton(size: Size, names: Mapping[sympy.Symbol, str]) -> str:
    """An expression as Triton text; ``names`` says what each symbol is called in the kernel."""
    return _triton(size, names, nested=False)


def _triton(size: Size, names: Mapping[sympy.Symbol, str], *, nested: bool) -> str:
    if isinstance(size, int):
        return str(size)
    if isinstance(size, sympy.Integer):
        return str(int(size))
    if isinstance(size, sympy.Symbol):
        return names[size]
    name = type(size).__name__
    if name in _TRITON_INFIX:
        operands = [_triton(part, names, nested=True) for part in size.args]
        text = _TRITON_INFIX[name].join(sorted(operands) if name in ("Add", "Mul") else operands)
        return f"({text})" if nested else text
    if name in _TRITON_RELATIONS:
        relation = f" {_TRITON_RELATIONS[name]} "
        return f"({relation.join(_triton(part, names, nested=True) for part in size.args)})"
    if name == "Not":
        return f"(not {_triton(size.args[0], names, nested=True)})"
    if size is sympy.true or size is sympy.false:
        return str(bool(size))
    if name.removeprefix("Torch") in _TRITON_CALLS:
        name = name.removeprefix("Torch")
        first, *rest = sorted(_triton(part, names, nested=False) for part in size.args)
        text = first
        for other in rest:
            text = f"{_TRITON_CALLS[name]}({text}, {other})"
        return text
    raise ValueError(f"no Triton text for {name} in {size}")
