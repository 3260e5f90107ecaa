"""The expression language of host logic: a closed list of JSON nodes over the arguments of a call.

In: nested lists such as ``["ceildiv", ["size", 0, 1], 128]``. Out: numbers. Integers are exact
(Python's).
Nothing is assumed of an expression before :func:`check` has passed it; nothing in one is ever run
as Python.
"""

from __future__ import annotations

import math
import reprlib
from typing import TYPE_CHECKING, Any, Protocol

from helion_runtime.errors import ExpressionError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

MAX_DIMENSIONS = 64
"""More dimensions than any tensor of torch's has."""

ARGUMENT_NODES: Mapping[str, int] = {
    "size": 2,  # ["size", argument, dimension]
    "stride": 2,  # ["stride", argument, dimension], in elements
    "argument": 1,  # ["argument", position]: the value of a scalar argument
    "sm_count": 0,  # ["sm_count"]: streaming multiprocessors of the op's device
    "item": 1,  # ["item", step's number]: the number that a read step took out of a tensor
}
"""Nodes that read the call; their operands are plain integers, counted here."""

OPERATORS: Mapping[str, tuple[int | None, Callable[..., object]]] = {
    "add": (None, lambda *values: sum(values)),
    "sub": (2, lambda a, b: a - b),
    "mul": (None, lambda *values: _product(values)),
    "floordiv": (2, lambda a, b: a // b),
    "ceildiv": (2, lambda a, b: -(-a // b)),
    "mod": (2, lambda a, b: a % b),
    "neg": (1, lambda a: -a),
    "min": (None, lambda *values: min(values)),
    "max": (None, lambda *values: max(values)),
    "eq": (2, lambda a, b: a == b),
    "ne": (2, lambda a, b: a != b),
    "lt": (2, lambda a, b: a < b),
    "le": (2, lambda a, b: a <= b),
    "and": (None, lambda *values: all(values)),
    "or": (None, lambda *values: any(values)),
    "not": (1, lambda a: not a),
    "truediv": (2, lambda a, b: a / b),
    "pow": (2, lambda a, b: a**b),
    "float": (1, float),
    "trunc": (1, math.trunc),
    "floor": (1, math.floor),
    "ceil": (1, math.ceil),
    "abs": (1, abs),
    "sqrt": (1, math.sqrt),
    "exp": (1, math.exp),
    "log": (1, math.log),
    "log2": (1, math.log2),
}
"""Operators by name: the number of operands (None: one or more) and the function."""

_OF_ANYTHING = ("eq", "ne")
"""Operators that take any value; the others take numbers."""

SINCE_1_1 = frozenset(
    ("item", "float", "trunc", "floor", "ceil", "abs", "sqrt", "exp", "log", "log2")
)
"""Nodes that bundles of format 1.0 do not know."""


def _product(values: Sequence[int]) -> int:
    result = 1
    for value in values:
        result *= value
    return result


class CallMetadata(Protocol):
    """What expressions may read of a call."""

    def size(self, argument: int, dimension: int) -> int: ...  # noqa: D102
    def stride(self, argument: int, dimension: int) -> int: ...  # noqa: D102
    def argument(self, position: int) -> int | float | bool | str | None: ...  # noqa: D102
    def sm_count(self) -> int: ...  # noqa: D102
    def item(self, step: int) -> int | float | bool: ...  # noqa: D102


MAX_DEPTH = 64
MAX_NODES = 4096
MAX_STRING = 4096
MAX_BITS = 128
"""Limits of one expression: nesting, nodes, characters of a string, bits of any integer in it or
computed by it."""


def check(
    expression: object,
    n_arguments: int,
    where: str = "expression",
    items: Collection[int] = (),
) -> None:
    """Raise :class:`ExpressionError` unless ``expression`` is well formed for an op of
    ``n_arguments`` arguments, where the read steps numbered ``items`` have been taken."""
    pending: list[tuple[object, int]] = [(expression, 1)]
    nodes = 0
    while pending:
        node, depth = pending.pop()
        nodes += 1
        if nodes > MAX_NODES:
            raise ExpressionError(f"{where}: more than {MAX_NODES} nodes in one expression")
        if depth > MAX_DEPTH:
            raise ExpressionError(f"{where}: nested deeper than {MAX_DEPTH}")
        if isinstance(node, (list, tuple)):
            operands = _operands(node, n_arguments, where, items)
            pending.extend((operand, depth + 1) for operand in operands)
        else:
            _check_constant(node, where)


def evaluate(expression: object, metadata: CallMetadata) -> int | float | bool | str | None:
    """The value of a checked expression for one call.

    ``and`` and ``or`` stop at the first operand that decides, so that a guard may protect a
    division.
    Raises :class:`ExpressionError` where there is no value: a division by zero, an integer beyond
    ``MAX_BITS`` bits, operands of the wrong kind.
    """
    if not isinstance(expression, (list, tuple)):
        return expression  # type: ignore[return-value]  # check() admits nothing else
    operator, *operands = expression
    if operator in ARGUMENT_NODES:
        return _read(operator, operands, metadata)
    if operator == "and":
        return all(evaluate(operand, metadata) for operand in operands)
    if operator == "or":
        return any(evaluate(operand, metadata) for operand in operands)
    values = [evaluate(operand, metadata) for operand in operands]
    return _apply(operator, values)


def is_symbol(value: object) -> bool:
    """Whether a value is a number of one of torch's tracers, which knows it by its name alone."""
    return hasattr(value, "node")


def argument_uses(expression: object) -> set[int]:
    """Positions of the scalar arguments whose values the expression reads."""
    return {node[1] for node in _readings(expression) if node[0] == "argument"}


def item_uses(expression: object) -> set[int]:
    """The read steps whose numbers the expression reads."""
    return {node[1] for node in _readings(expression) if node[0] == "item"}


def nodes(expression: object) -> Iterator[Sequence[Any]]:
    """Every node of a checked expression, itself first."""
    if isinstance(expression, (list, tuple)):
        yield expression
        if expression[0] not in ARGUMENT_NODES:
            for operand in expression[1:]:
                yield from nodes(operand)


def _readings(expression: object) -> Iterator[Sequence[Any]]:
    return (node for node in nodes(expression) if node[0] in ARGUMENT_NODES)


def _operands(
    node: Sequence[object], n_arguments: int, where: str, items: Collection[int]
) -> Sequence[object]:
    """The operands of a node that are expressions themselves, after checking the node."""
    if not node or not isinstance(node[0], str):
        raise ExpressionError(f"{where}: expected [operator, operand, ...], found {_short(node)}")
    operator, operands = node[0], node[1:]
    if operator in ARGUMENT_NODES:
        if operator == "item":
            _check_item(operands, items, where)
        else:
            _check_reading(operator, operands, n_arguments, where)
        return ()
    if operator not in OPERATORS:
        known = ", ".join(sorted((*ARGUMENT_NODES, *OPERATORS)))
        raise ExpressionError(
            f"{where}: unknown operator {_short(operator)}; expected one of {known}"
        )
    arity = OPERATORS[operator][0]
    if (arity is None and not operands) or (arity is not None and len(operands) != arity):
        wanted = "one or more operands" if arity is None else f"{arity} operand(s)"
        raise ExpressionError(f"{where}: {operator!r} takes {wanted}, found {len(operands)}")
    if operator not in _OF_ANYTHING:
        for operand in operands:
            if operand is None or isinstance(operand, str):
                raise ExpressionError(
                    f"{where}: {operator!r} takes numbers, found {_short(operand)}"
                )
    return operands


def _check_item(operands: Sequence[object], items: Collection[int], where: str) -> None:
    if len(operands) != 1 or type(operands[0]) is not int or operands[0] not in items:
        raise ExpressionError(
            f"{where}: 'item' takes the number of a step that has read one, found {_short(operands)}"
        )


def _check_reading(operator: str, operands: Sequence[object], n_arguments: int, where: str) -> None:
    if len(operands) != ARGUMENT_NODES[operator]:
        raise ExpressionError(
            f"{where}: {operator!r} takes {ARGUMENT_NODES[operator]} operand(s), found {len(operands)}"
        )
    limits = (n_arguments, MAX_DIMENSIONS)
    for operand, limit in zip(operands, limits, strict=False):
        if type(operand) is not int or not 0 <= operand < limit:
            raise ExpressionError(
                f"{where}: {operator!r} takes whole numbers below {limit}, found {_short(operand)}"
            )


def _check_constant(value: object, where: str) -> None:
    if isinstance(value, str) and len(value) > MAX_STRING:
        raise ExpressionError(f"{where}: a string of more than {MAX_STRING} characters")
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise ExpressionError(f"{where}: an integer of more than {MAX_BITS} bits")
    if value is not None and not isinstance(value, (bool, int, float, str)):
        raise ExpressionError(
            f"{where}: expected a number, a string, null or a list, found {_short(value)}"
        )


def _read(
    operator: str, operands: Sequence[Any], metadata: CallMetadata
) -> int | float | bool | str | None:
    try:
        match operator:
            case "size":
                return metadata.size(*operands)
            case "stride":
                return metadata.stride(*operands)
            case "argument":
                return metadata.argument(*operands)
            case "item":
                return metadata.item(*operands)
            case _:
                return metadata.sm_count()
    except (IndexError, TypeError, KeyError, AttributeError) as error:
        raise ExpressionError(
            f"{[operator, *operands]} cannot be read from this call: {error}"
        ) from error


def _apply(operator: str, values: list[Any]) -> int | float | bool | str | None:
    if operator not in _OF_ANYTHING and not all(
        isinstance(value, (int, float)) or is_symbol(value) for value in values
    ):
        raise ExpressionError(f"{_short([operator, *values])} has no value: expected numbers")
    if operator == "pow" and _is_huge_power(values):
        raise ExpressionError(f"[pow, {values[0]}, {values[1]}] has more than {MAX_BITS} bits")
    try:
        result: Any = OPERATORS[operator][1](*values)
    except (ArithmeticError, TypeError, ValueError) as error:
        raise ExpressionError(f"{_short([operator, *values])} has no value: {error}") from error
    if isinstance(result, int) and result.bit_length() > MAX_BITS:
        raise ExpressionError(f"{_short([operator, *values])} has more than {MAX_BITS} bits")
    if is_symbol(result):
        return result  # type: ignore[no-any-return]  # counts as a number
    if isinstance(result, complex) or not isinstance(result, (int, float, str)):
        raise ExpressionError(f"{_short([operator, *values])} is not a number: {_short(result)}")
    return result


def _is_huge_power(values: Sequence[Any]) -> bool:
    """Whether computing the power would already take too long."""
    base, exponent = values
    both_whole = isinstance(base, int) and isinstance(exponent, int)
    return both_whole and abs(base) > 1 and abs(exponent) > MAX_BITS


def _short(value: object) -> str:
    text = reprlib.repr(value)
    return text if len(text) <= 120 else text[:117] + "..."
