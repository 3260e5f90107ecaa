"""Expressions as people write them: ``x.size(0) * 2``.

In: a checked expression and the names of the op's arguments. Out: text; nothing reads it back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_INFIX: Mapping[str, str] = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "floordiv": "//",
    "truediv": "/",
    "mod": "%",
    "pow": "**",
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "le": "<=",
    "and": "and",
    "or": "or",
}
_LARGE = 1 << 16


def is_node(expression: object) -> bool:
    """Whether an expression is more than a constant."""
    return isinstance(expression, (list, tuple))


def describe_expression(expression: Any, names: Sequence[str]) -> str:
    """An expression as Python would have it, over ``names`` of the arguments."""
    if not is_node(expression):
        return describe_constant(expression)
    operator, *operands = expression
    match operator:
        case "size" | "stride":
            return f"{names[operands[0]]}.{operator}({operands[1]})"
        case "argument":
            return str(names[operands[0]])
        case "sm_count":
            return "sm_count"
        case "item":
            return f"item {operands[0]}"
        case "neg" | "not":
            sign = "-" if operator == "neg" else "not "
            return sign + _operand(operands[0], names)
        case _ if operator in _INFIX:
            return f" {_INFIX[operator]} ".join(_operand(item, names) for item in operands)
    listed = ", ".join(describe_expression(item, names) for item in operands)
    return f"{operator}({listed})"


def describe_constant(value: object) -> str:
    """A constant; large powers of two as such."""
    if type(value) is int and value >= _LARGE and value & (value - 1) == 0:
        return f"2**{value.bit_length() - 1}"
    return repr(value)


def describe_subject(expression: Any, names: Sequence[str]) -> str:
    """What a condition is about: ``x: dimension 0``, ``x: stride 0``, or the expression itself."""
    match expression:
        case ["size", position, dimension]:
            return f"{names[position]}: dimension {dimension}"
        case ["stride", position, dimension]:
            return f"{names[position]}: stride {dimension}"
    return describe_expression(expression, names)


def _operand(expression: Any, names: Sequence[str]) -> str:
    text = describe_expression(expression, names)
    return f"({text})" if is_node(expression) and expression[0] in _INFIX else text
